//! Chromium: driven by chromedriver, by the WebDriver protocol, or with its own DevTools open.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Component, libraries_in, unpacked, write};

/// The browser that chromedriver is to start.
pub(crate) fn chromium() -> PathBuf {
    unpacked("chromium").join("usr/lib/chromium/chromium")
}

/// The options of Chromium. As root there is no sandbox, and /dev/shm may be small in a container.
pub(crate) const OPTIONS: &[&str] = &[
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--window-size=1280,1000",
];

/// chromedriver, which starts the browser.
#[track_caller]
pub(crate) fn chromedriver() -> Component {
    let folder = tempfile::tempdir().unwrap();
    Component::start(folder, |here, port| {
        let mut command = command("usr/bin/chromedriver", here);
        command.arg(format!("--port={port}"));
        command
    })
}

/// Chromium with one page, whose DevTools listen on the port.
#[track_caller]
pub(crate) fn devtools() -> Component {
    let folder = tempfile::tempdir().unwrap();
    Component::start(folder, |here, port| {
        let mut command = command("usr/lib/chromium/chromium", here);
        command.args(OPTIONS).arg("about:blank");
        command.arg(format!("--remote-debugging-port={port}"));
        command.arg(format!("--user-data-dir={}", here.join("user").display()));
        command
    })
}

/// A program that finds libraries and a font among the unpacked packages, and writes below `here`.
fn command(path: &str, here: &Path) -> Command {
    let mut command = Command::new(unpacked("chromium").join(path));
    command.env_clear().envs(environment(here));
    command
}

/// The environment of such a program.
pub(crate) fn environment(here: &Path) -> [(&'static str, String); 4] {
    let root = unpacked("chromium");
    let libraries = libraries_in(&root);
    let paths = [&libraries, &libraries.join("pulseaudio")].map(|path| path.display().to_string());
    let home = || here.display().to_string();
    [
        ("LD_LIBRARY_PATH", paths.join(":")),
        ("FONTCONFIG_FILE", fonts(here, &root)),
        ("HOME", home()),
        ("TMPDIR", home()),
    ]
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
