// SPDX-License-Identifier: MIT OR Apache-2.0
//! Does `GET path` answer 200 over TLS?
//!
//! The certificate is not verified, as the cloud's checks do not: backends carry certificates for the names that clients
//! use, not for their own addresses, and often self-signed ones. A probe sends no secret and believes nothing but "it
//! answers"; who can forge that can as well answer in the backend's place.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConfig, Resumption};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct as Signature, Error, SignatureScheme};
use tokio_rustls::TlsConnector;

use super::connect::SourcePorts;
use super::{ProbeError, http};

/// Asks over TLS.
pub(super) async fn probe(
    ports: &SourcePorts,
    tls: &TlsConnector,
    target: SocketAddr,
    path: &str,
) -> Result<(), ProbeError> {
    let request = http::request(target, path)?;
    let stream = ports.connect(target).await?;
    let stream = tls.connect(ServerName::from(target.ip()), stream).await.map_err(ProbeError::Tls)?;
    http::ask(stream, request).await
}

/// What makes TLS connections. Each is a full handshake, because resuming one would not prove that the next client's
/// works.
pub(super) fn connector() -> Result<TlsConnector, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Arc::new(AnyCertificate { provider: Arc::clone(&provider) });
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::disabled();
    Ok(TlsConnector::from(Arc::new(config)))
}

/// What a signature's check says; ours never says no.
type Verified = Result<HandshakeSignatureValid, Error>;

/// Accepts every certificate, even one that cannot be parsed, and therefore every signature.
#[derive(Debug)]
struct AnyCertificate {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(&self, _: &[u8], _: &CertificateDer<'_>, _: &Signature) -> Verified {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(&self, _: &[u8], _: &CertificateDer<'_>, _: &Signature) -> Verified {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
