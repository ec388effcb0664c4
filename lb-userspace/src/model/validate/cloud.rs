// SPDX-License-Identifier: MIT OR Apache-2.0
//! The cloud account that is followed.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::number;
use crate::model::Label;
use crate::model::cloud::{Cloud, Selection, TokenPlace};
use crate::model::path::Path;
use crate::model::problem::Problems;
use crate::model::spec::{CloudSpec, Spec, bounds};

/// Reads the settings, if there are any; load balancers of the file have no place beside them.
pub(super) fn read(spec: &Spec, problems: &mut Problems) -> Option<Cloud> {
    let cloud = spec.cloud.as_ref()?;
    if !spec.load_balancers.is_empty() {
        let message = "must be empty, since cloud says what is balanced";
        let fix = "write [], or remove cloud";
        problems.value(&Path::ROOT.key("load_balancers"), spec.load_balancers.len(), message, fix);
    }
    let path = Path::ROOT.key("cloud");
    let url = url(&path.key("url"), cloud.url.as_deref().unwrap_or(bounds::CLOUD_URL), problems);
    let token = token(&path, cloud, problems);
    let selection = selection(&path, cloud, problems);
    let poll_interval =
        number::<u64>(&path.key("poll_interval"), cloud.poll_interval, &bounds::POLL_INTERVAL, problems);
    let request_rate = number(&path.key("request_rate"), cloud.request_rate, &bounds::REQUEST_RATE, problems);
    Some(Cloud {
        url: url?,
        token: token?,
        ca_file: cloud.ca_file.as_ref().map(PathBuf::from),
        selection: selection?,
        poll_interval: Duration::from_secs(poll_interval?),
        request_rate: request_rate?,
    })
}

fn url(path: &Path<'_>, text: &str, problems: &mut Problems) -> Option<String> {
    let Some((scheme, host)) = split(text) else {
        let message = "must be https:// and a host, nothing more";
        problems.value(path, text, message, format!("write it as {}", bounds::CLOUD_URL));
        return None;
    };
    if scheme == "http" && !is_loopback(host) {
        let message = "would show the token to everybody on the way";
        problems.value(path, text, message, format!("write https://{host}"));
        return None;
    }
    Some(format!("{scheme}://{host}"))
}

/// Scheme and host with its port, if there is nothing else but a last slash.
fn split(text: &str) -> Option<(&'static str, &str)> {
    let (scheme, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => ("https", rest),
        (None, Some(rest)) => ("http", rest),
        (None, None) => return None,
    };
    let host = rest.strip_suffix('/').unwrap_or(rest);
    let allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']' | b'_');
    (!host.is_empty() && host.bytes().all(allowed)).then_some((scheme, host))
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split(':').next().unwrap_or(host),
    };
    name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

fn token(path: &Path<'_>, spec: &CloudSpec, problems: &mut Problems) -> Option<TokenPlace> {
    let place = match (&spec.token_file, &spec.token_variable) {
        (Some(file), None) if !file.is_empty() => TokenPlace::File(PathBuf::from(file)),
        (None, Some(name)) if !name.is_empty() && !name.contains(['=', '\0']) => {
            TokenPlace::Variable(name.clone())
        }
        _ => {
            let message = "must say where the API's token is, in one way";
            problems.place(path, message, "write token_file: PATH or token_variable: NAME");
            return None;
        }
    };
    Some(place)
}

fn selection(path: &Path<'_>, spec: &CloudSpec, problems: &mut Problems) -> Option<Selection> {
    match (&spec.ids, &spec.label, &spec.region) {
        (Some(list), None, None) => {
            ids(&path.key("ids"), list, problems);
            Some(Selection::Ids(list.clone()))
        }
        (None, Some(label), None) => Some(Selection::Label(label.clone())),
        (None, None, Some(region)) => Some(Selection::Region(region.to_ascii_lowercase())),
        _ => {
            let message = "must say which load balancers are meant, in one way";
            problems.place(path, message, "write ids: [ID], label: TEXT or region: ID");
            None
        }
    }
}

fn ids(path: &Path<'_>, ids: &[String], problems: &mut Problems) {
    if ids.is_empty() {
        problems.place(path, "must name at least one load balancer", "add the id of one");
    }
    for (index, id) in ids.iter().enumerate() {
        let place = path.index(index);
        if Label::new(id).is_none() {
            problems.value(&place, id, "is not an id", "write it as `vultr-cli load-balancer list` shows it");
        } else if ids[..index].contains(id) {
            problems.value(&place, id, "is written twice", "remove one of them");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_one(cloud: CloudSpec) -> Result<Cloud, Vec<String>> {
        let balancer = serde_json::from_str(r#"{"interfaces":["a"],"snat_addresses":[]}"#).unwrap();
        let spec = Spec { version: 1, balancer, cloud: Some(cloud), load_balancers: Vec::new() };
        let mut problems = Problems::default();
        let cloud = read(&spec, &mut problems);
        let messages: Vec<String> = problems.0.iter().map(ToString::to_string).collect();
        cloud.filter(|_| messages.is_empty()).ok_or(messages)
    }

    fn good() -> CloudSpec {
        CloudSpec {
            token_file: Some("/etc/lb/token".to_owned()),
            region: Some("EWR".to_owned()),
            ..CloudSpec::default()
        }
    }

    #[test]
    fn what_is_not_written_has_its_default() {
        let cloud = read_one(good()).unwrap();
        assert_eq!((cloud.url.as_str(), cloud.request_rate), ("https://api.vultr.com", 10));
        assert_eq!(cloud.poll_interval, Duration::from_secs(10));
        assert_eq!(cloud.selection, Selection::Region("ewr".to_owned()));
        let local = CloudSpec { url: Some("http://[::1]:8080/".to_owned()), ..good() };
        assert_eq!(read_one(local).unwrap().url, "http://[::1]:8080");
    }

    #[test]
    fn each_mistake_is_named() {
        let refused = |cloud: CloudSpec, expected: &str| {
            let messages = read_one(cloud).unwrap_err();
            assert!(messages.len() == 1 && messages[0].contains(expected), "{messages:?}");
        };
        let url = |url: &str| CloudSpec { url: Some(url.to_owned()), ..good() };
        refused(url("api.vultr.com"), "cloud.url: must be https://");
        refused(url("https://api.vultr.com/v2"), "cloud.url: must be https://");
        refused(url("http://api.vultr.com"), "would show the token");
        refused(CloudSpec { token_file: None, ..good() }, "cloud: must say where the API's token is");
        refused(CloudSpec { label: Some("a".to_owned()), ..good() }, "cloud: must say which load balancers");
        let ids = |ids: &[&str]| CloudSpec {
            ids: Some(ids.iter().map(|&id| id.to_owned()).collect()),
            region: None,
            ..good()
        };
        refused(ids(&[]), "cloud.ids: must name at least one");
        refused(ids(&["a", "a"]), "cloud.ids[1]: is written twice");
        refused(ids(&["../x"]), "cloud.ids[0]: is not an id");
        refused(CloudSpec { request_rate: Some(31), ..good() }, "cloud.request_rate: must be 1 to 30");
    }
}
