// SPDX-License-Identifier: MIT OR Apache-2.0
//! What answers in the lab: nginx and a UDP echo on every backend, each saying its own name; iperf3.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::command::{own_program, run};
use crate::lab::{Backend, Lab};
use crate::process::Process;
use crate::wait::{self, PATIENCE};

/// Where backends answer over HTTP and UDP, and health checks ask.
pub const PORT: u16 = 30080;
/// Where backends answer over HTTPS.
pub const TLS_PORT: u16 = 30443;
/// Where iperf3 listens.
pub const IPERF_PORT: u16 = 35201;
/// How large `/big` is.
pub const BIG: usize = 64 << 20;

/// Starts nginx and the UDP echo on every backend, and waits until they answer.
pub fn start_all(lab: &Lab) -> Result<Vec<Process>> {
    prepare(lab.folder())?;
    let mut processes = Vec::new();
    for backend in &lab.backends {
        processes.push(web(lab, backend)?);
        processes.push(echo(lab, backend)?);
    }
    Ok(processes)
}

/// Starts nginx on one backend, and waits until it answers over both families.
pub fn web(lab: &Lab, backend: &Backend) -> Result<Process> {
    let file = lab.folder().join(format!("nginx-{}.conf", backend.name));
    fs::write(&file, web_config(lab.folder(), backend))?;
    let mut command = backend.netns.command("nginx");
    command.arg("-c").arg(&file).arg("-e").arg("stderr");
    let mut process = Process::start(&format!("nginx-{}", backend.name), &mut command, lab.folder())?;
    for address in [backend.address4, backend.address6] {
        let url = format!("http://{}/", SocketAddr::new(address, PORT));
        wait::until("a web server to answer", PATIENCE, || {
            process.alive()?;
            run(backend.netns.command("curl").args(["-sS", "--max-time", "5", &url]))
        })?;
    }
    Ok(process)
}

/// Starts the UDP echo on one backend; it says when it listens.
pub fn echo(lab: &Lab, backend: &Backend) -> Result<Process> {
    let mut command = backend.netns.command(own_program("udp_echo")?);
    command.args([&backend.name, &PORT.to_string()]);
    let mut process = Process::start(&format!("echo-{}", backend.name), &mut command, lab.folder())?;
    wait::until_true("the UDP echo to listen", PATIENCE, || {
        process.alive()?;
        Ok(process.log().contains("listening"))
    })?;
    Ok(process)
}

/// Starts an iperf3 server on one backend.
pub fn iperf(lab: &Lab, backend: &Backend) -> Result<Process> {
    let mut command = backend.netns.command("iperf3");
    command.args(["--server", "--forceflush", "--port", &IPERF_PORT.to_string()]);
    let mut process = Process::start(&format!("iperf3-{}", backend.name), &mut command, lab.folder())?;
    wait::until_true("iperf3 to listen", PATIENCE, || {
        process.alive()?;
        Ok(process.log().contains("Server listening"))
    })?;
    Ok(process)
}

/// The certificate, and a file that is large and nowhere the same.
fn prepare(folder: &Path) -> Result<()> {
    let mut certificate = Command::new("openssl");
    certificate.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
    certificate.args(["-subj", "/CN=backend", "-days", "1", "-keyout", "key.pem", "-out", "cert.pem"]);
    run(certificate.current_dir(folder))?;
    let mut random = File::open("/dev/urandom")?;
    let mut big = File::create(folder.join("big")).context("making a large file")?;
    std::io::copy(&mut std::io::Read::take(&mut random, BIG as u64), &mut big)?;
    Ok(())
}

fn web_config(folder: &Path, backend: &Backend) -> String {
    let (folder, name) = (folder.display(), &backend.name);
    format!(
        "daemon off; master_process off; user root; pid {folder}/nginx-{name}.pid; error_log stderr warn;
events {{ worker_connections 8192; }}
http {{
  access_log off; keepalive_requests 1000000; reset_timedout_connection on;
  client_body_temp_path {folder}/body-{name}; proxy_temp_path {folder}/proxy-{name};
  fastcgi_temp_path {folder}/fastcgi-{name}; scgi_temp_path {folder}/scgi-{name};
  uwsgi_temp_path {folder}/uwsgi-{name};
  server {{
    listen {PORT} backlog=8192; listen [::]:{PORT} backlog=8192; listen {TLS_PORT} ssl; listen [::]:{TLS_PORT} ssl;
    ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
    location / {{ return 200 \"{name}\\n\"; }}
    location = /big {{ root {folder}; }}
  }}
}}
",
    )
}
