// SPDX-License-Identifier: MIT OR Apache-2.0
//! Builds kernel-side packages from build scripts, and from nowhere else.
//!
//! aya-build does the same but leaves no way to name the instruction set; `target-cpu=v3` gives 32-bit arithmetic and
//! jumps, which the packet path profits from.
#![forbid(unsafe_code)]

mod toolchain;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, bail};

pub use toolchain::{Missing, Toolchain, linker_is_there};

const TARGET: &str = "bpfel-unknown-none";

/// Builds `package`, whose binary target is `binary`, and writes its object to `OUT_DIR/<binary>.o`.
///
/// Where no BPF toolchain is installed the object is written empty and a warning says so: everything but loading it
/// still works, and loading it is an error with a name.
pub fn object(package: &str, binary: &str, features: &[&str]) -> Result<()> {
    let out =
        PathBuf::from(env::var_os("OUT_DIR").context("OUT_DIR is not set; call this from a build script")?);
    let workspace =
        workspace(&PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").context("no CARGO_MANIFEST_DIR")?))?;
    watch(&workspace);
    let object = out.join(binary).with_extension("o");
    match Toolchain::detect() {
        Ok(toolchain) => {
            let built = build(&workspace, &out.join("bpf"), package, binary, features, toolchain)?;
            fs::copy(&built, &object).with_context(|| format!("copying {}", built.display()))?;
        }
        Err(missing) => {
            // A file that is never there: look again at every build, until the toolchain is installed.
            println!("cargo::rerun-if-changed={}", out.join("toolchain").display());
            println!("cargo::warning=the kernel side is not built: {missing}");
            fs::write(&object, []).with_context(|| format!("writing {}", object.display()))?;
        }
    }
    Ok(())
}

fn workspace(package: &Path) -> Result<PathBuf> {
    let found = package.ancestors().find(|folder| folder.join("Cargo.lock").is_file());
    found.map(Path::to_path_buf).context("no Cargo.lock above this package")
}

fn watch(workspace: &Path) {
    println!("cargo::rerun-if-env-changed={}", toolchain::VARIABLE);
    for source in ["lb-ebpf", "lb-common", "tests/ebpf", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", workspace.join(source).display());
    }
}

fn build(
    workspace: &Path,
    target: &Path,
    package: &str,
    binary: &str,
    features: &[&str],
    toolchain: Toolchain,
) -> Result<PathBuf> {
    // Debug information and BTF are for the maps' types and for `bpf_loop`; the loader does not keep them.
    let flags = ["-Cdebuginfo=2", "-Clink-arg=--btf", "-Ctarget-cpu=v3", "--cfg=bpf_target_arch=\"x86_64\""];
    let mut cargo = Command::new("rustup");
    cargo
        .args(["run", toolchain.name(), "cargo", "build", "--locked", "--release", "--target", TARGET])
        .args(["--package", package, "--bin", binary, "--features", &features.join(",")])
        .args(toolchain.arguments())
        .arg("--target-dir")
        .arg(target)
        .current_dir(workspace)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
        // The kernel side has one profile, whatever the build script's own is.
        .env("CARGO_PROFILE_RELEASE_LTO", "fat")
        .env("CARGO_PROFILE_RELEASE_PANIC", "abort");
    // What cargo set for the build script's own compiler does not fit this one.
    for variable in ["RUSTC", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "RUSTFLAGS", "CARGO", "RUSTDOC"] {
        cargo.env_remove(variable);
    }
    if let Some(crates) = toolchain.bootstrap() {
        cargo.env("RUSTC_BOOTSTRAP", crates);
    }
    let output = cargo.output().context("starting rustup")?;
    if !output.status.success() {
        bail!("building {package} with {cargo:?} failed:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    for line in String::from_utf8_lossy(&output.stderr).lines().filter(|line| line.starts_with("warning")) {
        println!("cargo::warning={package}: {line}");
    }
    Ok(target.join(TARGET).join("release").join(binary))
}
