//! Which providers there are, built from the settings, and how many calls each may have at once.

use super::infobip::Account;
use super::infobip::inbox::Inbox;
use super::infobip::sms::InfobipSms;
use super::infobip::whatsapp::InfobipWhatsApp;
use super::phone::{Phone, PretendPhone};
use super::settings::NotifySettings;
use super::smtp::Smtp;
use super::{Message, Provider, Sending};
use crate::domain::contact::Channel;
use crate::domain::delivery::{Answer, Outcome};
use crate::egress::{CALL_LIMIT, Egress, Purpose};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Calls to one provider at the same time. SMS and WhatsApp count apart, so that one that hangs leaves the other free.
pub const CALLS_AT_ONCE: usize = 8;
/// How long a message waits for its turn; its claim's lease is running.
const TURN_LIMIT: Duration = Duration::from_secs(10);

/// The registry in effect, which the operator may replace while messages are on the wire. Clones share it.
#[derive(Clone)]
pub struct Providers(Arc<RwLock<Arc<Registry>>>);

impl Providers {
    pub fn new(registry: Registry) -> Providers {
        Providers(Arc::new(RwLock::new(Arc::new(registry))))
    }

    /// Whoever holds it goes on with it, even after it was replaced.
    pub fn current(&self) -> Arc<Registry> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn replace(&self, registry: Registry) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(registry);
    }
}

/// At most one provider per channel.
pub struct Registry {
    providers: Vec<Limited>,
    inbox: Option<Inbox>,
    problems: Vec<String>,
}

impl Registry {
    /// Never fails: a mistake in one provider's settings is a problem to show, and must not stop the others.
    pub fn new(settings: &NotifySettings, egress: &Arc<Egress>) -> Registry {
        let mut registry = Registry { providers: Vec::new(), inbox: None, problems: Vec::new() };
        if let Some(infobip) = &settings.infobip {
            let account = Account {
                client: egress.client(Purpose::Operator),
                base_url: infobip.base_url.clone(),
                api_key: infobip.api_key.clone(),
                call_limit: CALL_LIMIT,
            };
            let callbacks = infobip.callbacks.clone();
            if let Some(sender) = infobip.sms_sender.clone() {
                let sms = InfobipSms { account: account.clone(), sender, callbacks: callbacks.clone() };
                // What is not called in is asked for: each report is handed out once, so never both.
                let (polled, two_way) = (callbacks.is_none(), sms.hears_replies());
                registry.inbox = Some(Inbox { account: account.clone(), polled, two_way });
                registry.add(sms);
            }
            if let Some(settings) = infobip.whatsapp.clone() {
                registry.add(InfobipWhatsApp { account, settings, callbacks });
            }
        }
        match settings.smtp.as_ref().map(|smtp| Smtp::new(smtp, egress.clone())) {
            Some(Ok(smtp)) => registry.add(smtp),
            Some(Err(problem)) => registry.problems.push(problem),
            None => {}
        }
        registry
    }

    /// Everything goes to the pretend phone, and nothing leaves.
    pub fn pretend(phone: &Arc<Phone>) -> Registry {
        let mut registry = Registry { providers: Vec::new(), inbox: None, problems: Vec::new() };
        for channel in Channel::ALL {
            registry.add(PretendPhone { phone: Arc::clone(phone), channel });
        }
        registry
    }

    /// `None`: the channel is not set up.
    pub fn provider(&self, channel: Channel) -> Option<&dyn Provider> {
        let found = self.providers.iter().find(|provider| provider.channel() == channel);
        found.map(|provider| provider as &dyn Provider)
    }

    /// Where reports and replies can be asked for.
    pub fn inbox(&self) -> Option<&Inbox> {
        self.inbox.as_ref()
    }

    pub fn channels_configured(&self) -> Vec<Channel> {
        self.providers.iter().map(Provider::channel).collect()
    }

    /// Settings that could not be used, a sentence each, without secrets.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    fn add(&mut self, provider: impl Provider + 'static) {
        self.providers.push(Limited::new(provider));
    }
}

/// A provider whose callers wait for their turn.
struct Limited {
    provider: Box<dyn Provider>,
    turns: Semaphore,
    turn_limit: Duration,
}

impl Limited {
    fn new(provider: impl Provider + 'static) -> Limited {
        let turns = Semaphore::new(CALLS_AT_ONCE);
        Limited { provider: Box::new(provider), turns, turn_limit: TURN_LIMIT }
    }
}

impl Provider for Limited {
    fn name(&self) -> &'static str {
        self.provider.name()
    }

    fn channel(&self) -> Channel {
        self.provider.channel()
    }

    fn has_receipts(&self) -> bool {
        self.provider.has_receipts()
    }

    fn hears_replies(&self) -> bool {
        self.provider.hears_replies()
    }

    fn send<'a>(&'a self, message: &'a Message) -> Sending<'a> {
        Box::pin(async move {
            let Ok(turn) = timeout(self.turn_limit, self.turns.acquire()).await else {
                let text = format!("not sent: {CALLS_AT_ONCE} messages are waiting for {} to answer", self.name());
                return Answer { outcome: Outcome::Temporary { retry_after_secs: None }, text };
            };
            let answer = self.provider.send(message).await;
            drop(turn);
            answer
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::{Infobip, Smtp, WhatsApp};
    use super::super::testing::sms_message;
    use super::*;
    use crate::secret::Secret;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn registry(settings: &NotifySettings) -> Registry {
        Registry::new(settings, &Arc::new(Egress::new(&[]).expect("no extra root to go wrong")))
    }

    fn infobip() -> Infobip {
        Infobip {
            base_url: "https://x.api.infobip.com".to_owned(),
            api_key: Secret::new("k".to_owned()),
            sms_sender: None,
            whatsapp: None,
            callbacks: None,
        }
    }

    fn smtp(from: &str) -> Smtp {
        Smtp {
            host: "mail.example.net".to_owned(),
            port: 587,
            from: from.to_owned(),
            login: None,
            starttls: true,
            tls: false,
        }
    }

    #[test]
    fn a_channel_is_there_when_all_it_needs_is_set() {
        let check = |infobip: Option<Infobip>, smtp: Option<Smtp>, channels: &[Channel], problems: usize| {
            let registry = registry(&NotifySettings { infobip, smtp });
            assert_eq!(registry.channels_configured(), channels);
            for channel in Channel::ALL {
                let provider = registry.provider(channel).map(Provider::channel);
                assert_eq!(provider, channels.contains(&channel).then_some(channel));
            }
            assert_eq!(registry.problems().len(), problems, "{:?}", registry.problems());
        };
        let whatsapp = WhatsApp {
            sender: "447860099299".to_owned(),
            template: "pagerpal_page".to_owned(),
            language: "en".to_owned(),
        };
        let sender = Some("PagerPal".to_owned());
        check(None, None, &[], 0);
        check(Some(infobip()), None, &[], 0);
        check(Some(Infobip { sms_sender: sender.clone(), ..infobip() }), None, &[Channel::Sms], 0);
        let both = Infobip { sms_sender: sender, whatsapp: Some(whatsapp), ..infobip() };
        check(Some(both.clone()), Some(smtp("pager@example.com")), &Channel::ALL, 0);
        check(Some(both), Some(smtp("pager")), &[Channel::Sms, Channel::WhatsApp], 1);
    }

    /// Never answers, and counts who asks.
    struct Stuck(Arc<AtomicUsize>);

    impl Provider for Stuck {
        fn name(&self) -> &'static str {
            "stuck"
        }

        fn channel(&self) -> Channel {
            Channel::Sms
        }

        fn send<'a>(&'a self, _: &'a Message) -> Sending<'a> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Box::pin(std::future::pending())
        }
    }

    #[tokio::test]
    async fn a_provider_has_eight_calls_at_once_and_the_ninth_was_not_sent() {
        let asked = Arc::new(AtomicUsize::new(0));
        let mut limited = Limited::new(Stuck(asked.clone()));
        limited.turn_limit = Duration::from_millis(50);
        let limited = Arc::new(limited);
        let calls: Vec<_> = (0..CALLS_AT_ONCE)
            .map(|_| {
                let limited = limited.clone();
                tokio::spawn(async move { limited.send(&sms_message()).await })
            })
            .collect();
        while asked.load(Ordering::SeqCst) < CALLS_AT_ONCE {
            tokio::task::yield_now().await;
        }
        let answer = limited.send(&sms_message()).await;
        assert_eq!(answer.outcome, Outcome::Temporary { retry_after_secs: None });
        assert_eq!(asked.load(Ordering::SeqCst), CALLS_AT_ONCE);
        // A call that is given up makes room for the next.
        calls[0].abort();
        let next = timeout(Duration::from_millis(50), limited.send(&sms_message())).await;
        assert!(next.is_err() && asked.load(Ordering::SeqCst) == CALLS_AT_ONCE + 1);
    }
}
