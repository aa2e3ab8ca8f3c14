"""Names that try to steer a terminal, break a layout, or be read as markup."""

from __future__ import annotations

PAYLOADS: dict[str, str] = {
    "osc_title": "a\x1b]2;PWNED\x1b\\b",
    "osc_title_bel": "a\x1b]2;PWNED\x07b",
    "osc52": "a\x1b]52;c;UFdORUQ=\x1b\\b",
    "csi_clear": "a\x1b[2J\x1b[HPWNED",
    "csi_sgr": "a\x1b[31mREDTEXT\x1b[0mb",
    "c1_csi": "a\x9b2J\x9bHPWNED",
    "c1_osc": "a\x9d2;PWNED\x9cb",
    "nul_del": "a\x00b\x7fc",
    "c0_all": "a" + "".join(chr(c) for c in range(1, 32) if c not in (9, 10, 13, 27)) + "b",
    "newline": "line1\nline2",
    "carriage_return": "visible\rHIDDEN!",
    "tab": "a\tb\tc",
    "line_separators": "a\x85b\u2028c\u2029d",
    "bidi": "safe\u202egpj.exe\u2066x\u2069",
    "zero_width_joiner": "fam\U0001f468\u200d\U0001f469X",
    "zero_width": "a\u200bb\u200dc\ufeffd\u00ade",
    "flag": "\U0001f680rocket\U0001f1fa\U0001f1f8flag\u2764\ufe0fheart",
    "cjk": "\u6f22\u5b57\u304b\u306a\uff21\uff22",
    "pile_of_marks": "z" + "\u0301" * 40 + "algo",
    "tag_characters": "t\U000e0041\U000e0042\U000e007fx",
    "markup_red": "[red]x[/red]",
    "markup_click": "[@click=app.quit]click-me[/]",
    "markup_link": "[link='http://evil']click-me[/link]",
    "markup_bad_close": "backup[/old]file",
    "markup_bad_open": "logs[=",
    "markup_brackets": "data[2024][0][a b c]",
    "surrogate": "a\udc80b",
    "nonchar": "a\ufffe\uffffb",
    "private_use": "a\ue0b0\uf8ff\U000f0000b",
    "long": "k" * 1000 + "tail",
    "looks_escaped": "a\\x1b]2;PWNED\\x1b\\\\b",
    "spaces_around": " a  b ",
    "format": "%s%n{0}{x}$(id)`id`",
}

NEVER = {
    "osc_title": b"\x1b]2;PWNED", "osc52": b"\x1b]52;c;UFdORUQ", "csi_clear": b"\x1b[2J\x1b[HPWNED",
    "csi_sgr": b"\x1b[31mREDTEXT", "c1_csi": "\x9b2J".encode(), "c1_osc": "\x9d2;PWNED".encode(),
    "carriage_return": b"visible\rHIDDEN", "newline": b"line1\nline2", "tab": b"a\tb",
    "nul_del": b"a\x00b", "surrogate": b"\xed\xb2\x80",
}
"""Bytes that must never reach a terminal."""

NEVER_CHARACTERS = "\x85\x9b\x9c\x9d\u00ad\u200b\u200c\u200d\u2028\u2029\u202e\u2066\u2069\ufeff\ufe0f" \
    "\U0001f1fa\U000e0041\ue0b0\uffff"
