// SPDX-License-Identifier: MIT OR Apache-2.0
//! The guest's file system: our programs and those of the lab as they are here, with the libraries that they load, and an
//! init that runs the plays one after the other and switches the machine off.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::debian::Kernel;
use super::{PLAYS, TEST_ARGUMENTS};
use crate::shell::{find, output, root};

/// What the lab runs, and what init does everything with.
const PROGRAMS: [&str; 9] =
    ["busybox", "ip", "ethtool", "nsenter", "curl", "nginx", "openssl", "iperf3", "wrk"];

/// Ours that tests run.
const OWN: [&str; 3] = ["lbd", "lbctl", "udp_echo"];

/// Files that programs want to read.
const FILES: [(&str, &str); 3] = [
    ("etc/passwd", "root:x:0:0:root:/:/bin/busybox\n"),
    ("etc/group", "root:x:0:\n"),
    ("etc/openssl.cnf", "[req]\ndistinguished_name = name\n[name]\n"),
];

/// Makes the file system as an archive in `folder`, and says where that is.
pub fn build(kernel: &Kernel, tests: &Path, folder: &Path) -> Result<PathBuf> {
    let files = folder.join("files");
    for name in ["bin", "dev", "etc", "modules", "proc", "run", "sys", "tmp", "var"] {
        fs::create_dir_all(files.join(name)).with_context(|| format!("making the guest's /{name}"))?;
    }
    std::os::unix::fs::symlink("/run", files.join("var/run"))?;
    for (name, text) in FILES {
        fs::write(files.join(name), text)?;
    }
    for name in PROGRAMS {
        add_program(&files, name, &find(name).with_context(|| format!("{name} is not there"))?)?;
    }
    for name in OWN {
        add_program(&files, name, &root().join("target/release").join(name))?;
    }
    add_program(&files, "tests", tests)?;
    for module in &kernel.modules {
        copy(module, &files.join("modules").join(module.file_name().context("a module without a name")?))?;
    }
    let init = files.join("init");
    fs::write(&init, script(kernel))?;
    fs::set_permissions(&init, fs::Permissions::from_mode(0o755))?;
    archive(&files, &folder.join("files.cpio"))
}

/// Copies a program and the libraries that the loader would load, each to where it is here.
fn add_program(files: &Path, name: &str, program: &Path) -> Result<()> {
    copy(program, &files.join("bin").join(name))?;
    let path = program.to_str().context("a path that is no text")?;
    // Nothing is said about one that is linked statically.
    let libraries = output("ldd", &[path]).unwrap_or_default();
    for library in libraries.split_whitespace().filter(|word| word.starts_with('/')) {
        let there = files.join(library.trim_start_matches('/'));
        if !there.exists() {
            fs::create_dir_all(there.parent().context("a library that is the root")?)?;
            copy(Path::new(library), &there)?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).with_context(|| format!("copying {} into the guest", from.display())).map(drop)
}

/// What the guest's first process does; its words are for [`super::report`].
fn script(kernel: &Kernel) -> String {
    let mut lines = vec![
        "#!/bin/busybox sh".to_owned(),
        "export PATH=/bin OPENSSL_CONF=/etc/openssl.cnf".to_owned(),
        "busybox mount -t devtmpfs dev /dev".to_owned(),
        "exec </dev/null >/dev/ttyS1 2>&1".to_owned(),
        "busybox mount -t proc proc /proc".to_owned(),
        "busybox mount -t sysfs sys /sys".to_owned(),
        "busybox mount -t bpf bpf /sys/fs/bpf".to_owned(),
        "busybox mount -t tmpfs tmp /tmp".to_owned(),
    ];
    let names = kernel.modules.iter().filter_map(|module| module.file_name()?.to_str());
    lines.extend(names.map(|name| format!("busybox insmod /modules/{name}")));
    lines.push("echo kernel $(busybox uname -r)".to_owned());
    let arguments = TEST_ARGUMENTS.join(" ");
    lines.extend(
        PLAYS
            .iter()
            .map(|play| format!("echo play {}; tests {} {arguments}; echo ended $?", play.mode, play.filter)),
    );
    lines.push("busybox poweroff -f".to_owned());
    lines.join("\n") + "\n"
}

/// Packs a folder the way the kernel unpacks it.
fn archive(files: &Path, file: &Path) -> Result<PathBuf> {
    let mut list = Command::new("find").arg(".").current_dir(files).stdout(Stdio::piped()).spawn()?;
    let names = list.stdout.take().context("a pipe was asked for")?;
    let mut pack = Command::new(find("busybox").context("busybox is not there")?);
    pack.args(["cpio", "-o", "-H", "newc"]).current_dir(files).stdin(names).stderr(Stdio::null());
    let packed = pack.stdout(fs::File::create(file)?).status().context("starting busybox cpio")?;
    ensure!(list.wait()?.success(), "listing {} failed", files.display());
    if !packed.success() {
        bail!("busybox cpio failed ({packed})");
    }
    Ok(file.to_path_buf())
}
