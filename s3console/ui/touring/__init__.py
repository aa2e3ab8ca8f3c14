"""The tour of the demo: what it says, and how it knows that a step was done."""
