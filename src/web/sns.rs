//! The two calls that SNS makes us make: for the certificate that signed a message, and to confirm a subscription.
//!
//! Both addresses are built or checked by `ingest::sns`, both calls go through the egress guard, which reaches public
//! addresses only. Certificates are kept in memory by address; so is, for a minute, that one could not be had, for some
//! senders wait no longer than a second for our answer.

use crate::app::alert_sources;
use crate::domain::actor::Actor;
use crate::domain::alert_source::AlertSource;
use crate::domain::id::AlertSourceId;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::egress::{self, Purpose};
use crate::ingest::Trust;
use crate::ingest::sns::{self, Envelope};
use crate::web::Web;
use crate::web::error::WebError;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const TIME_LIMIT: Duration = Duration::from_secs(3);
const CERTIFICATE_BYTES: usize = 16 * 1024;
/// AWS has one per region and changes it once a year.
const KEPT: usize = 64;
const FAILURE_KEPT_SECS: i64 = 60;

/// How far a message can be believed, and which topic says it sent it.
pub struct Checked {
    trust: Trust,
    topic_arn: String,
}

impl Checked {
    /// A good signature says that some customer of AWS sent it; whether that is ours is on the source's list. A request
    /// to join the list is judged by its signature alone.
    pub fn trust(self, source: &AlertSource, asks_to_join: bool) -> Trust {
        if self.trust == Trust::Verified && !asks_to_join && !source.is_confirmed(&self.topic_arn) {
            return Trust::Wrong("its topic is not confirmed on the alert source's page".into());
        }
        self.trust
    }
}

/// Nothing is fetched unless a body claims a signature, and nothing in safe mode.
pub async fn check(web: &Web, body: &[u8]) -> Checked {
    match sns::envelope(body) {
        Some(envelope) => {
            let trust = check_envelope(web, &envelope).await.unwrap_or_else(|trust| trust);
            Checked { trust, topic_arn: envelope.topic_arn().to_owned() }
        }
        None => Checked { trust: Trust::NotSigned, topic_arn: String::new() },
    }
}

async fn check_envelope(web: &Web, envelope: &Envelope) -> Result<Trust, Trust> {
    let url = sns::signing_cert_url(envelope).map_err(Trust::Wrong)?;
    if !web.app.settings.sending_enabled {
        return Err(Trust::Unchecked("safe mode makes no calls".into()));
    }
    let certificate =
        web.certificates.get(web, Purpose::Untrusted, url.as_str()).await.map_err(|missing| match missing {
            Missing::Refused => Trust::Wrong("there is no certificate at its SigningCertURL".into()),
            Missing::Unreachable => Trust::Unchecked("its certificate could not be fetched".into()),
        })?;
    let issuer = match sns::issuer_url(&certificate) {
        Some(url) => web.certificates.get(web, Purpose::ProvesItself, &url).await.ok(),
        None => None,
    };
    let issuer = issuer.as_ref().map(|der| der.as_slice());
    Ok(sns::verify(envelope, &certificate, issuer, web.app.now(), webpki_roots::TLS_SERVER_ROOTS))
}

/// An admin's click on **Confirm**: asks SNS to begin sending, and puts the topic on the list. The address is built
/// from the topic's ARN; the one in the message is never called. Also in safe mode: it calls AWS, not people.
pub async fn confirm(web: &Web, actor: Actor, source: AlertSourceId, topic_arn: &str) -> Result<(), WebError> {
    let arn = topic_arn.to_owned();
    let token = web.read(move |read| alert_sources::pending_token(read, &actor, source, &arn)).await?;
    confirm_with(web, actor, source, topic_arn, &token).await
}

/// A topic that is on the list has renewed its subscription and proved who it is. Nobody waits for this.
pub fn confirm_again(web: &Arc<Web>, source: AlertSourceId, topic_arn: String, token: String) {
    let web = Arc::clone(web);
    tokio::spawn(async move {
        if let Err(error) = confirm_with(&web, Actor::SYSTEM, source, &topic_arn, &token).await {
            tracing::warn!(topic_arn, "a renewed SNS subscription could not be confirmed: {error:?}");
        }
    });
}

async fn confirm_with(
    web: &Web,
    actor: Actor,
    source: AlertSourceId,
    topic_arn: &str,
    token: &str,
) -> Result<(), WebError> {
    let url = sns::confirm_url(topic_arn, token).ok_or_else(|| {
        let sentence = "This is not the ARN of an SNS topic, so it cannot be confirmed. Let AWS ask again.";
        Refusal::conflict("topic_not_sns", sentence)
    })?;
    let answer = call(web, Purpose::Untrusted, &url).await;
    if let Err(missing) = answer {
        let sentence = match missing {
            Missing::Refused => "SNS refused: requests expire after three days. Let AWS ask again, then confirm.",
            Missing::Unreachable => "SNS could not be reached from this machine. Check its network, then try again.",
        };
        return Err(Refusal::conflict("topic_not_confirmed", sentence).into());
    }
    let arn = topic_arn.to_owned();
    web.write(move |tx| alert_sources::topic_confirmed(tx, &actor, source, &arn)).await
}

/// Why there is no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Missing {
    /// The other side said no.
    Refused,
    /// It could not be asked, or was in trouble itself.
    Unreachable,
}

async fn call(web: &Web, purpose: Purpose, url: &str) -> Result<Vec<u8>, Missing> {
    let request = web.egress.client(purpose).get(url).map_err(|_| Missing::Unreachable)?;
    let response = request.timeout(TIME_LIMIT).send().await.map_err(|_| Missing::Unreachable)?;
    let status = response.status();
    if !status.is_success() {
        return Err(if status.is_client_error() { Missing::Refused } else { Missing::Unreachable });
    }
    egress::read_limited(response).await.map_err(|_| Missing::Unreachable)
}

/// Certificates by address.
#[derive(Default)]
pub struct Certificates(Mutex<BTreeMap<String, (Timestamp, Result<Arc<Vec<u8>>, Missing>)>>);

impl Certificates {
    async fn get(&self, web: &Web, purpose: Purpose, url: &str) -> Result<Arc<Vec<u8>>, Missing> {
        let now = web.app.now();
        if let Some(known) = self.known(url, now) {
            return known;
        }
        let fetched = call(web, purpose, url).await;
        let fetched =
            fetched.and_then(|bytes| if bytes.len() <= CERTIFICATE_BYTES { Ok(bytes) } else { Err(Missing::Refused) });
        let fetched = fetched.map(Arc::new);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(url.to_owned(), (now, fetched.clone()));
        fetched
    }

    fn known(&self, url: &str, now: Timestamp) -> Option<Result<Arc<Vec<u8>>, Missing>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, known) = kept.get(url)?;
        let is_fresh = known.is_ok() || now.secs_since(*at) < FAILURE_KEPT_SECS;
        is_fresh.then(|| known.clone())
    }
}
