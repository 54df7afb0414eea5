# SPDX-License-Identifier: Apache-2.0
"""How does pip learn the name of a source package without running any of it?

pip asks the build backend in the unpacked archive for metadata. script/bootstrap puts this module in
the backend's place: it copies the PKG-INFO that lies in the archive and imports nothing from there.
"""
import email.parser
import pathlib
import shutil


def get_requires_for_build_wheel(config_settings=None):
    return []


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    info = email.parser.Parser().parsestr(pathlib.Path("PKG-INFO").read_text(encoding="utf-8"))
    # pip takes the name from the folder and wants it spelt as a wheel would.
    folder = pathlib.Path(metadata_directory) / f"{info['Name']}-{info['Version']}.dist-info"
    folder.mkdir()
    shutil.copyfile("PKG-INFO", folder / "METADATA")
    return folder.name
