"""Changing how one looks, in place: profile, region, endpoint, login, writing, theme, keymap."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from textual.app import SuspendNotSupported

from s3console.core.errors import UsageError
from s3console.core.keys import printable
from s3console.ui import theme
from s3console.ui.console import console_of
from s3console.ui.display import message_text
from s3console.ui.keymap import KEYMAPS, make_keymap
from s3console.ui.remembered import writing_name
from s3console.ui.session import Session
from s3console.ui.threads import run_in_thread

if TYPE_CHECKING:
    from s3console.core.model import Connection, Plan

LOOKS = ("dark", "light", "ansi")


class Switching(Session):
    """The `:` words that change the session itself."""

    profiles: tuple[str, ...] = ()

    def complain(self, text: str) -> None:
        """One sentence about something that can not be done."""
        self.notify(message_text(text), severity="warning", markup=False)

    # the connection

    def look_through(self, connection: Connection) -> None:
        """Look at another store, or at the same one anew: with fresh credentials, and its own rights."""
        self.forget_readers()
        self.desk = self.desk.with_connection(connection)
        self.read_only = self.asked_read_only or self.desk.config.read_only
        self.live = self.may_write_here
        self.ask_account()
        self.refresh_chrome()
        for stack in self._screen_stacks.values():
            if stack and (changed := getattr(stack[0], "connection_changed", None)) is not None:
                changed()

    def command_profile(self, argument: str) -> None:
        """`:profile NAME`: its own region and endpoint come with it."""
        known = self.profiles
        if known and argument not in known:
            self.complain(f"There is no profile {printable(argument)}. Known: {', '.join(known[:8])}.")
            return
        self._switch_to(replace(self.desk.config.connection, profile=argument, region=None,
                                endpoint_url=None))

    def command_region(self, argument: str) -> None:
        """`:region NAME`."""
        if not argument.replace("-", "").isalnum() or not argument.isascii():
            self.complain(f"{printable(argument)} is no region. Write for instance :region eu-west-1.")
            return
        self._switch_to(replace(self.desk.config.connection, region=argument))

    def command_endpoint(self, argument: str) -> None:
        """`:endpoint URL`, and `:endpoint aws` for AWS itself."""
        parts = urlsplit(argument)
        if argument != "aws" and (parts.scheme not in ("http", "https") or not parts.hostname):
            self.complain("Write :endpoint http://host:port for a store of your own, or :endpoint aws.")
            return
        self._switch_to(replace(self.desk.config.connection,
                                endpoint_url=None if argument == "aws" else argument))

    def _switch_to(self, connection: Connection) -> None:
        """Look through it from here on, and in the next session that does not say how to look."""
        parts = (connection.profile, connection.endpoint_url, connection.region)
        self.remember(connection=tuple(part or "" for part in parts))
        self.look_through(connection)

    def ask_profiles(self) -> None:
        """Read the names of the profiles, beside the event loop, for the completion of `:profile`."""
        desk = self.desk

        def told(names: tuple[str, ...]) -> None:
            self.profiles = names

        run_in_thread(self, lambda task: desk.profiles(), then=told, name="profiles")

    def action_login(self) -> None:
        """SSO login again, in place; without the aws program its command is said."""
        connection = self.desk.config.connection
        command = ["aws", "sso", "login", *(["--profile", connection.profile] if connection.profile else [])]
        if connection.endpoint_url:
            self.complain("This store has no SSO login: its keys come from the AWS configuration.")
            return
        program, again = shutil.which("aws"), self.key_of("everywhere.login")
        if program is None:
            self.complain(f"Run `{' '.join(command)}` in another terminal, then press {again} again. "
                          "(The aws program is not on this machine's path.)")
            self.look_through(connection)
            return
        try:
            with self.suspend():
                done = subprocess.run([program, *command[1:]], check=False).returncode
        except SuspendNotSupported:
            self.complain(f"Run `{' '.join(command)}` in another terminal, then press {again} again.")
            return
        except OSError as error:
            self.complain(f"The aws program can not be started: {error.strerror}.")
            return
        if done:
            self.complain(f"aws sso login ended with code {done}: nothing has changed.")
            return
        self.notify("Logged in; asking again with the new token.", markup=False)
        self.look_through(connection)

    # a whole bucket

    def action_empty_bucket(self) -> None:
        console_of(self).action_command_line("empty-bucket ")

    def command_empty_bucket(self, argument: str) -> None:
        """`:empty-bucket NAME`, the name typed in full: a plan that Review approves by its number."""
        from s3console.ui.dialogs.staged import StagedDialog
        from s3console.ui.jobs.emptying import empty_plan

        desk = self.desk
        self.notify(f"Planning to empty {message_text(argument)}: it is listed twice. Nothing is sent but "
                    "reads.", markup=False)

        def show(review: bool | None) -> None:
            if review:
                console_of(self).action_show("review")

        def planned(plan: Plan) -> None:
            self.poll()
            self.push_screen(StagedDialog(plan), show)

        run_in_thread(self, lambda task: empty_plan(desk, argument), then=planned,
                      failed=lambda error: self.complain(error.sentence), name="empty bucket")

    # writing

    def command_write(self, argument: str) -> None:
        """`:write on` and `:write off`, kept for the profile."""
        if argument not in ("on", "off"):
            self.complain("Write :write on or :write off.")
        elif argument == "on" and self.asked_read_only:
            self.complain("This console was started read-only and stays so. Start it again without "
                          "--read-only.")
        elif argument == "on" and self.read_only:
            self.complain("`readonly` of the configuration file protects this profile: it stays read-only.")
        else:
            self.live = argument == "on"
            name = writing_name(self.desk.config.connection)
            self.remember(writing=self.remembered.allowing(name, allowed=self.live))

    # the look and the keys

    def command_theme(self, argument: str) -> None:
        """`:theme light` and the names of Textual's own themes; kept for the next session."""
        name = theme.full_name(argument)
        if name in self.available_themes:
            self.theme = name
            self.remember(theme=argument)
        else:
            others = sorted(known for known in self.available_themes if not known.startswith("s3console-"))
            self.complain(f"Known themes: {', '.join((*LOOKS, *others))}.")

    def command_all_keys(self, argument: str) -> None:
        """`:keys commander` and `:keys vi`; kept for the next session."""
        try:
            keymap = make_keymap(argument, self.desk.config.settings.keys)
        except UsageError as error:
            self.complain(error.sentence)
            return
        self.keymap = keymap
        self.set_keymap(keymap.for_textual())
        self.refresh_chrome()
        self.remember(keymap=argument)
        self.notify(f"The keymap {argument} is in use; ? shows it.", markup=False)

    def values_of(self, word: str) -> list[str]:
        """What can follow a `:` word, for its completion."""
        if word == "profile":
            return list(self.profiles)
        known = {"theme": (*LOOKS, *(name for name in self.available_themes if name[:9] != "s3console")),
                 "keys": tuple(KEYMAPS), "write": ("on", "off"), "endpoint": ("aws",)}
        return list(known.get(word, ()))
