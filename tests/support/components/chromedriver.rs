//! chromedriver, which drives Chromium by the WebDriver protocol.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Component, libraries_in, unpacked, write};

/// The browser that chromedriver is to start.
pub(crate) fn chromium() -> PathBuf {
    unpacked("chromium").join("usr/lib/chromium/chromium")
}

/// chromedriver. What it starts finds libraries and a font among the unpacked packages.
#[track_caller]
pub(crate) fn chromedriver() -> Component {
    let folder = tempfile::tempdir().unwrap();
    Component::start(folder, |here, port| {
        let root = unpacked("chromium");
        let libraries = libraries_in(&root);
        let paths = [&libraries, &libraries.join("pulseaudio")];
        let mut command = Command::new(root.join("usr/bin/chromedriver"));
        command.env_clear();
        command.env("LD_LIBRARY_PATH", std::env::join_paths(paths).unwrap());
        command.env("FONTCONFIG_FILE", fonts(here, &root));
        command.env("HOME", here).env("TMPDIR", here);
        command.arg(format!("--port={port}"));
        command
    })
}

/// A configuration of fontconfig that names the unpacked font only, so that texts are as wide on
/// every machine.
fn fonts(folder: &Path, root: &Path) -> String {
    let fonts = root.join("usr/share/fonts");
    let text = format!(
        "<fontconfig><dir>{}</dir><cachedir>{}</cachedir></fontconfig>\n",
        fonts.display(),
        folder.display()
    );
    write(folder, "fonts.conf", &text)
}
