// SPDX-License-Identifier: MIT OR Apache-2.0
//! Kernels from Debian's archive: downloaded and unpacked into the user's cache, never installed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, bail};

use crate::shell::{output, run};

/// What the packages of Linux 6.1 are called; the flavour for virtual machines, which is the smallest.
const OLDEST: (&str, &str) = ("linux-image-6.1.", "-cloud-amd64");

/// Modules that the lab needs, below the modules' folder, each behind those that it needs itself. One that is not there
/// is built in.
const MODULES: [&str; 4] =
    ["net/llc/llc.ko", "net/802/stp.ko", "net/bridge/bridge.ko", "drivers/net/veth.ko"];

/// A kernel that can be booted.
#[derive(Debug)]
pub struct Kernel {
    /// The image.
    pub image: PathBuf,
    /// Modules to load, in order.
    pub modules: Vec<PathBuf>,
}

/// The one that someone has named: a package, or an image.
pub fn given(path: &Path) -> Result<Kernel> {
    if path.extension().is_none_or(|extension| extension != "deb") {
        return Ok(Kernel { image: path.to_path_buf(), modules: Vec::new() });
    }
    let name = path.file_stem().context("a package without a name")?;
    let folder = cache()?.join(name);
    unpacked(&folder, |_| std::path::absolute(path).context("finding the package"))
}

/// Debian's newest build of Linux 6.1.
pub fn oldest() -> Result<Kernel> {
    let package = if let Some(package) = newest() {
        package
    } else {
        run(Command::new("apt-get").args(["update", "-q"]))?;
        newest().with_context(|| {
            let (start, end) = OLDEST;
            format!("apt-get knows no package {start}*{end}: add Debian bookworm's archive, or name a kernel by --kernel")
        })?
    };
    // Like `'http://…' linux-image-…_6.1.192-2_amd64.deb 26713492 SHA256:…`.
    let told = output("apt-get", &["download", "--print-uris", &package])
        .context("asking apt-get for the package")?;
    let file = told.split_whitespace().nth(1).context("apt-get does not say what the package's file is")?;
    let folder = cache()?.join(file.trim_end_matches(".deb"));
    unpacked(&folder, |beside| {
        run(Command::new("apt-get").args(["download", "-q", &package]).current_dir(beside))?;
        Ok(beside.join(file))
    })
}

fn newest() -> Option<String> {
    let (start, end) = OLDEST;
    let names = output("apt-cache", &["pkgnames", start])?;
    // Like linux-image-6.1.0-56-cloud-amd64.
    let build =
        |name: &str| name.strip_prefix(start)?.strip_suffix(end)?.split('-').nth(1)?.parse::<u32>().ok();
    let newest = names.lines().filter_map(|name| Some((build(name)?, name))).max();
    newest.map(|(_, name)| name.to_owned())
}

/// The kernel in a folder of the cache, which is made from the package that `fetch` puts into the folder that it is given,
/// unless it is there.
fn unpacked(folder: &Path, fetch: impl FnOnce(&Path) -> Result<PathBuf>) -> Result<Kernel> {
    if !folder.exists() {
        // Not `with_extension`: versions have dots.
        let mut parts = folder.as_os_str().to_owned();
        parts.push(".part");
        let parts = PathBuf::from(parts);
        fs::create_dir_all(&parts).with_context(|| format!("making {}", parts.display()))?;
        let package = fetch(&parts)?;
        let whole = parts.join("whole");
        run(Command::new("dpkg-deb").arg("-x").arg(package).arg(&whole))?;
        fs::rename(&whole, folder).with_context(|| format!("making {}", folder.display()))?;
        fs::remove_dir_all(&parts).with_context(|| format!("removing {}", parts.display()))?;
    }
    let image = only(&folder.join("boot"), "vmlinuz-")?;
    let modules = folder.join("lib/modules");
    let modules = if modules.is_dir() { modules } else { folder.join("usr/lib/modules") };
    let modules = only(&modules, "")?.join("kernel");
    let there = MODULES.iter().flat_map(|name| ["", ".xz"].map(|end| modules.join(format!("{name}{end}"))));
    Ok(Kernel { image, modules: there.filter(|path| path.is_file()).collect() })
}

/// The one thing in a folder whose name starts so.
fn only(folder: &Path, start: &str) -> Result<PathBuf> {
    let entries = fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut fit = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(start));
    let Some(entry) = fit.next() else {
        bail!("no {start}* in {}: is it a kernel's package?", folder.display())
    };
    Ok(entry.path())
}

/// Where things are kept that are not of one checkout.
fn cache() -> Result<PathBuf> {
    let home = || env::home_dir().map(|home| home.join(".cache"));
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let folder =
        cache.or_else(home).context("there is no home folder to cache the kernel in")?.join("lb/kernels");
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    Ok(folder)
}
