"""The looks: a dark, a light and a 16 colour theme, each with a colour for every role of the console.

A role says what a text means (`missing`, `danger`, `faint`), a theme says which colour that is. No
fact is carried by colour alone: a kind of finding always has its glyph and its word beside it.
Contrast against the background: text 12:1, roles 5.9:1 or more, muted 6:1, faint 3.9:1.
"""

from __future__ import annotations

from collections.abc import Mapping

from textual.theme import Theme

DARK = Theme(
    name="s3console-dark", dark=True,
    primary="#82aaff", secondary="#5d6f8f", accent="#7fd1c7",
    warning="#e5b567", error="#e06c75", success="#8fbf7f",
    foreground="#c8d0dc", background="#0e1217", surface="#0e1217", panel="#1b232d",
    variables={
        "missing": "#6cb6ff", "misnamed": "#e5b567", "differs": "#e88f5a", "extra": "#c792ea",
        "unknown": "#8592a6", "junk": "#b0a08a", "duplicate": "#7fd1c7",
        "ok": "#8fbf7f", "danger": "#e06c75", "escape": "#e5b567", "live": "#e5b567",
        "rule": "#2a3441", "rule-focus": "#82aaff", "faint": "#66738a", "muted": "#8592a6",
        "cursor": "#22344f", "cursor-blur": "#1b2430", "field": "#1b232d", "veil": "#0e1217 60%",
        "border": "#82aaff", "border-blurred": "#2a3441",
        "input-cursor-background": "#c8d0dc", "input-cursor-foreground": "#0e1217",
        "input-selection-background": "#22344f",
        "scrollbar": "#2a3441", "scrollbar-hover": "#3a4657", "scrollbar-active": "#82aaff",
        "scrollbar-background": "#0e1217", "scrollbar-corner-color": "#0e1217",
        "scrollbar-background-hover": "#0e1217", "scrollbar-background-active": "#0e1217",
    },
)

LIGHT = Theme(
    name="s3console-light", dark=False,
    primary="#2f5fd0", secondary="#64748b", accent="#0f766e",
    warning="#8a5a00", error="#b42318", success="#2e7d32",
    foreground="#1f2733", background="#eef1f5", surface="#eef1f5", panel="#e0e6ee",
    variables={
        "missing": "#0b69c7", "misnamed": "#8a5a00", "differs": "#b4470b", "extra": "#7c3aad",
        "unknown": "#5a6779", "junk": "#6b5b3e", "duplicate": "#0f766e",
        "ok": "#2e7d32", "danger": "#b42318", "escape": "#8a5a00", "live": "#8a5a00",
        "rule": "#c2cdd9", "rule-focus": "#2f5fd0", "faint": "#6f7c93", "muted": "#5a6779",
        "cursor": "#d2e0fb", "cursor-blur": "#e2e8f0", "field": "#dfe6ee", "veil": "#eef1f5 60%",
        "border": "#2f5fd0", "border-blurred": "#c2cdd9",
        "input-cursor-background": "#1f2733", "input-cursor-foreground": "#eef1f5",
        "input-selection-background": "#d2e0fb",
        "scrollbar": "#c2cdd9", "scrollbar-hover": "#a9b7c6", "scrollbar-active": "#2f5fd0",
        "scrollbar-background": "#eef1f5", "scrollbar-corner-color": "#eef1f5",
        "scrollbar-background-hover": "#eef1f5", "scrollbar-background-active": "#eef1f5",
    },
)

ANSI = Theme(
    name="s3console-ansi", dark=True, ansi=True,
    primary="ansi_bright_blue", secondary="ansi_cyan", accent="ansi_cyan",
    warning="ansi_yellow", error="ansi_red", success="ansi_green",
    foreground="ansi_default", background="ansi_default", surface="ansi_default",
    panel="ansi_default", boost="ansi_default",
    variables={
        "missing": "ansi_bright_blue", "misnamed": "ansi_yellow", "differs": "ansi_bright_yellow",
        "extra": "ansi_magenta", "unknown": "ansi_white", "junk": "ansi_white",
        "duplicate": "ansi_cyan", "ok": "ansi_green", "danger": "ansi_bright_red",
        "escape": "ansi_bright_yellow", "live": "ansi_yellow",
        "rule": "ansi_bright_black", "rule-focus": "ansi_bright_blue",
        "faint": "ansi_bright_black", "muted": "ansi_white",
        "cursor": "ansi_blue", "cursor-blur": "ansi_black", "field": "ansi_black",
        "veil": "ansi_default", "border": "ansi_bright_blue", "border-blurred": "ansi_bright_black",
        "ansi-background": "ansi_black", "ansi-foreground": "ansi_white",
        "input-cursor-background": "ansi_white", "input-cursor-foreground": "ansi_black",
        "input-selection-background": "ansi_blue", "input-cursor-text-style": "none",
    },
)

THEMES = (DARK, LIGHT, ANSI)


def role_defaults(theme: Theme) -> dict[str, str]:
    """Every role for a theme that does not define them (the themes that come with Textual)."""
    grey = ("#777777", "#999999", "#444444") if theme.dark else ("#777777", "#555555", "#bbbbbb")
    faint, muted, rule = grey
    text = theme.foreground or ("#e0e0e0" if theme.dark else "#202020")
    back = theme.background or ("#101010" if theme.dark else "#f4f4f4")
    warning, error = theme.warning or theme.primary, theme.error or theme.primary
    return {
        "missing": theme.primary, "misnamed": warning, "differs": theme.accent or warning,
        "extra": theme.secondary or theme.primary, "unknown": muted, "junk": muted,
        "duplicate": theme.accent or theme.primary, "ok": theme.success or theme.primary,
        "danger": error, "escape": warning, "live": warning, "rule": rule,
        "rule-focus": theme.primary, "faint": faint, "muted": muted,
        "cursor": "#2c3e5c" if theme.dark else "#d7e4ff",
        "cursor-blur": "#2a2a2a" if theme.dark else "#e8e8e8",
        "field": "#2a2a2a" if theme.dark else "#e0e0e0", "veil": f"{back} 60%",
        "input-cursor-background": text, "input-cursor-foreground": back,
    }


def full_name(name: str) -> str:
    """`dark`, `light` and `ansi` are ours; every other name is one of Textual's."""
    return f"s3console-{name}" if name in ("dark", "light", "ansi") else name


def choose(environ: Mapping[str, str]) -> str:
    """The theme to start with: `S3CONSOLE_THEME`, or the 16 colour one where a terminal has no more."""
    if wanted := environ.get("S3CONSOLE_THEME", ""):
        return full_name(wanted)
    term = environ.get("TERM", "")
    if environ.get("COLORTERM") in ("truecolor", "24bit") or "256color" in term or "direct" in term:
        return DARK.name
    return ANSI.name if term in ("linux", "xterm", "vt100", "vt220", "screen", "ansi") else DARK.name
