// SPDX-License-Identifier: MIT OR Apache-2.0
//! One look at the cloud: the load balancers that are meant, then the machines that they name. It gives a whole answer or
//! none.

use futures_util::{StreamExt, TryStreamExt, stream};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::answer::{Answer, Reading};
use super::client::Client;
use super::directory::Directory;
use super::error::CloudError;
use super::listing::{Contradiction, Listing};
use super::refusal::Subject;
use crate::model::cloud::Selection;
use crate::wire::{
    BareMetal, BareMetalPage, Instance, InstancePage, InstanceVpc, InstanceVpcPage, LoadBalancerBody,
    LoadBalancerPage, Paged,
};

/// Items of a page, as many as the API gives.
const PER_PAGE: u32 = 500;

/// What may not stand in a path or query as it is.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Requests that wait for their answers at once, where one does not lead to the next.
const AT_ONCE: usize = 4;

/// Looks once.
pub(super) async fn poll(client: &Client, selection: &Selection) -> Result<Answer, CloudError> {
    let load_balancers = match selection {
        Selection::Ids(ids) => by_id(client, ids).await?,
        Selection::Label(_) | Selection::Region(_) => listed(client, selection).await?,
    };
    let needed = Answer::machines(&load_balancers);
    let directory = directory(client, &needed).await?;
    Ok(Answer { load_balancers, directory })
}

async fn by_id(client: &Client, ids: &[String]) -> Result<Vec<Reading>, CloudError> {
    let requests: Vec<_> = ids.iter().map(|id| one(client, id)).collect();
    stream::iter(requests).buffered(AT_ONCE).try_collect().await
}

async fn one(client: &Client, id: &str) -> Result<Reading, CloudError> {
    let path = format!("/v2/load-balancers/{}", encoded(id));
    let unknown = |why: String| Reading::NotUnderstood {
        subject: Subject { id: id.to_owned(), name: String::new() },
        why,
    };
    match client.get::<LoadBalancerBody>(&path).await {
        Ok(body) if body.load_balancer.id == id => Ok(Reading::Understood(Box::new(body.load_balancer))),
        Ok(body) => {
            let source = Contradiction::Another { asked: id.to_owned(), found: body.load_balancer.id };
            Err(CloudError::Contradiction { path, source })
        }
        // Whether it was deleted or the answer is wrong cannot be told apart, so nothing is taken away.
        Err(error) if error.is_not_found() => {
            Ok(unknown("is not known to the cloud (404); remove it from cloud.ids if it is gone".to_owned()))
        }
        Err(error) => Err(error),
    }
}

async fn listed(client: &Client, selection: &Selection) -> Result<Vec<Reading>, CloudError> {
    let path = "/v2/load-balancers";
    let read = |raw: Box<RawValue>| Reading::of(&raw, selection);
    let readings = list::<LoadBalancerPage<Box<RawValue>>, _>(client, path, read).await?;
    Ok(readings.into_iter().flatten().collect())
}

/// Reads all pages of a list; `read` gives each item's id and what is kept of it.
async fn list<P, T>(
    client: &Client,
    path: &str,
    read: impl Fn(P::Item) -> Result<(String, T), serde_json::Error>,
) -> Result<Vec<T>, CloudError>
where
    P: DeserializeOwned + Paged,
{
    let mut listing = Listing::new();
    let mut page_path = format!("{path}?per_page={PER_PAGE}");
    loop {
        let (items, meta) = client.get::<P>(&page_path).await?.into_parts();
        let items = items.into_iter().map(&read).collect::<Result<Vec<_>, _>>();
        let items = items.map_err(|source| CloudError::Invalid { path: page_path.clone(), source })?;
        let next = listing.take(items, meta);
        match next.map_err(|source| CloudError::Contradiction { path: page_path, source })? {
            None => return Ok(listing.into_items()),
            Some(cursor) => page_path = format!("{path}?cursor={}&per_page={PER_PAGE}", encoded(&cursor)),
        }
    }
}

/// Where the machines `needed` are. Bare metals are looked at only for what is no instance.
async fn directory(client: &Client, needed: &[&str]) -> Result<Directory, CloudError> {
    let mut directory = Directory::default();
    if needed.is_empty() {
        return Ok(directory);
    }
    let instances = list::<InstancePage, Instance>(client, "/v2/instances", |instance| {
        Ok((instance.id.clone(), instance))
    });
    for instance in instances.await? {
        directory.add_instance(&instance);
    }
    let missing: Vec<&str> = needed.iter().copied().filter(|id| !directory.knows(id)).collect();
    if missing.is_empty() {
        return Ok(directory);
    }
    let metals =
        list::<BareMetalPage, BareMetal>(client, "/v2/bare-metals", |metal| Ok((metal.id.clone(), metal)));
    let meant = metals.await?.into_iter().filter(|metal| missing.binary_search(&metal.id.as_str()).is_ok());
    let requests: Vec<_> = meant.map(|metal| with_vpcs(client, metal)).collect();
    let found: Vec<_> = stream::iter(requests).buffered(AT_ONCE).try_collect().await?;
    for (metal, vpcs) in found {
        directory.add_bare_metal(&metal, &vpcs);
    }
    Ok(directory)
}

/// A bare metal with its places in VPCs, which its own object does not have.
async fn with_vpcs(client: &Client, metal: BareMetal) -> Result<(BareMetal, Vec<InstanceVpc>), CloudError> {
    let path = format!("/v2/bare-metals/{}/vpcs", encoded(&metal.id));
    let vpcs = list::<InstanceVpcPage, InstanceVpc>(client, &path, |vpc| Ok((vpc.id.clone(), vpc))).await?;
    Ok((metal, vpcs))
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, &RESERVED).to_string()
}
