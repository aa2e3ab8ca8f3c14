"""The misname rules: what migration tools and scripts make of a key, forward from the source name.

`chains()` gives the rule chains a comparison tries, `Chain.images()` the names they make of a batch
of keys, `junk_rule()` the left-overs of tools by name. A rule that maps several sources to one name
cannot be inverted; pairing goes from the left keys to the names found on the right.
"""

from .chains import (
    CATALOGUE,
    JOIN,
    Chain,
    because,
    candidates,
    chains,
    compose,
    double_depth_counts,
    double_depths,
    regex_chain,
)
from .facts import Images, KeyBlock, Rule, Step
from .junk import junk_rule, junk_rules

__all__ = [
    "CATALOGUE", "JOIN", "Chain", "Images", "KeyBlock", "Rule", "Step", "because", "candidates", "chains",
    "compose", "double_depth_counts", "double_depths", "junk_rule", "junk_rules", "regex_chain",
]
