// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whom the client believes to be the cloud: who has a certificate from an authority of the system, or of the file that is
//! named instead. There is no way to do without, but on a loopback address.

use std::io;
use std::path::Path;
use std::sync::Arc;

use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::error::CloudError;
use crate::model::cloud::Cloud;

/// What connects to the cloud.
pub(super) fn connector(cloud: &Cloud) -> Result<HttpsConnector<HttpConnector>, CloudError> {
    let place = match &cloud.ca_file {
        Some(path) => path.display().to_string(),
        None => "the system".to_owned(),
    };
    let secure = cloud.url.starts_with("https:");
    let config = config(secure, cloud.ca_file.as_deref())
        .map_err(|source| CloudError::Certificates { place, source })?;
    let builder = HttpsConnectorBuilder::new().with_tls_config(config);
    let builder = if secure { builder.https_only() } else { builder.https_or_http() };
    Ok(builder.enable_http1().build())
}

fn config(secure: bool, ca_file: Option<&Path>) -> io::Result<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    let builder = match ca_file {
        Some(path) => builder.with_root_certificates(authorities(path)?),
        None if secure => builder.with_native_roots()?,
        None => builder.with_root_certificates(RootCertStore::empty()),
    };
    Ok(builder.with_no_client_auth())
}

fn authorities(path: &Path) -> io::Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(io::Error::other)? {
        store.add(certificate.map_err(io::Error::other)?).map_err(io::Error::other)?;
    }
    if store.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "there is none in it"));
    }
    Ok(store)
}
