//! The two calls that SNS makes us make: for the certificate that signed a message, and to confirm a subscription.
//!
//! Both addresses are built or checked by `ingest::sns`, both calls go through the egress guard, which reaches public
//! addresses only. Certificates are kept in memory by address; so is, for a minute, that one could not be had, for some
//! senders wait no longer than a second for our answer.

use crate::app::alert_sources;
use crate::bridge::Lane;
use crate::domain::actor::Actor;
use crate::domain::alert_source::AlertSource;
use crate::domain::id::AlertSourceId;
use crate::domain::refusal::Refusal;
use crate::domain::time::Timestamp;
use crate::egress::{self, Purpose};
use crate::ingest::sns::{self, Envelope};
use crate::ingest::{Trust, lossy};
use crate::web::Web;
use crate::web::error::WebError;
use axum::body::Bytes;
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
pub async fn check(web: &Web, body: &Bytes) -> Result<Checked, WebError> {
    let unsigned = Checked { trust: Trust::NotSigned, topic_arn: String::new() };
    // Most bodies need not be parsed twice.
    if !lossy(body).contains(SIGNED_MARK) {
        return Ok(unsigned);
    }
    let body = body.clone();
    let Some(envelope) = web.bridge.run(Lane::Ingest, move || sns::envelope(&body)).await? else { return Ok(unsigned) };
    let trust = check_envelope(web, &envelope).await.unwrap_or_else(|trust| trust);
    Ok(Checked { trust, topic_arn: envelope.topic_arn().to_owned() })
}

/// Part of the name of every field of a signature.
const SIGNED_MARK: &str = "Sign";

async fn check_envelope(web: &Web, envelope: &Envelope) -> Result<Trust, Trust> {
    let url = sns::signing_cert_url(envelope).map_err(Trust::Wrong)?;
    if !web.app.switches().sending {
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
pub struct Certificates(Mutex<BTreeMap<String, (Timestamp, Fetched)>>);

type Fetched = Result<Arc<Vec<u8>>, Missing>;

impl Certificates {
    async fn get(&self, web: &Web, purpose: Purpose, url: &str) -> Fetched {
        let now = web.app.now();
        if let Some(known) = self.known(url, now) {
            return known;
        }
        let fetched = match call(web, purpose, url).await {
            Ok(bytes) if bytes.len() <= CERTIFICATE_BYTES => Ok(Arc::new(bytes)),
            Ok(_) => Err(Missing::Refused),
            Err(missing) => Err(missing),
        };
        self.keep(url, now, fetched.clone());
        fetched
    }

    fn keep(&self, url: &str, now: Timestamp, fetched: Fetched) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(url.to_owned(), (now, fetched));
    }

    fn known(&self, url: &str, now: Timestamp) -> Option<Fetched> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, known) = kept.get(url)?;
        let is_fresh = known.is_ok() || now.secs_since(*at) < FAILURE_KEPT_SECS;
        is_fresh.then(|| known.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Severity;
    use crate::domain::alert_source::{Topic, TopicState, UrgencyRule};
    use crate::domain::id::Id;

    fn source(topics: Vec<Topic>) -> AlertSource {
        AlertSource {
            id: AlertSourceId::new(1),
            name: "sns".into(),
            kind: "cloudwatch".into(),
            team: Id::new(2),
            policy: Id::new(3),
            active: true,
            key_hash: [0; 32],
            key_tail: String::new(),
            default_severity: Severity::Error,
            severity_map: BTreeMap::new(),
            one_incident_per_alert: false,
            insufficient_data_triggers: false,
            topics,
            urgency: UrgencyRule::BySeverity,
            auto_resolve_minutes: None,
            signing: None,
            created_at: Timestamp::MIN,
            version: 1,
        }
    }

    #[test]
    fn a_good_signature_counts_for_topics_on_the_list_and_for_requests_to_join_it() {
        let topic = |arn: &str, listed, state| Topic { arn: arn.into(), listed, state };
        let pending = TopicState::Pending { token: "t".into(), asked_at: Timestamp::MIN };
        let source = source(vec![topic("arn:ours", true, TopicState::Confirmed), topic("arn:pending", false, pending)]);
        let check = |trust: Trust, arn: &str, asks_to_join, is_kept| {
            let checked = Checked { trust: trust.clone(), topic_arn: arn.into() };
            let judged = checked.trust(&source, asks_to_join);
            assert_eq!(judged == trust, is_kept, "{trust:?} {arn} {asks_to_join}: {judged:?}");
            assert!(is_kept || matches!(judged, Trust::Wrong(_)));
        };
        check(Trust::Verified, "arn:ours", false, true);
        check(Trust::Verified, "arn:pending", false, false);
        check(Trust::Verified, "arn:strangers", false, false);
        check(Trust::Verified, "arn:strangers", true, true);
        check(Trust::Unchecked("no network".into()), "arn:strangers", false, true);
        check(Trust::Wrong("forged".into()), "arn:ours", false, true);
        check(Trust::NotSigned, "", false, true);
    }

    #[test]
    fn a_certificate_is_kept_and_its_absence_only_for_a_minute() {
        let certificates = Certificates::default();
        let now = Timestamp::from_second(1_800_000_000);
        certificates.keep("there", now, Ok(Arc::new(vec![1])));
        certificates.keep("missing", now, Err(Missing::Unreachable));
        assert!(certificates.known("elsewhere", now).is_none());
        assert!(certificates.known("missing", now.plus_secs(59)).is_some());
        assert!(certificates.known("missing", now.plus_secs(60)).is_none());
        assert!(certificates.known("there", now.plus_secs(86_400)).is_some());
        for n in 0..1000 {
            certificates.keep(&n.to_string(), now, Err(Missing::Refused));
        }
        assert!(certificates.0.lock().expect("no panic").len() <= KEPT);
    }
}
