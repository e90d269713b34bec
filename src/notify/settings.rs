//! What the operator set about providers, as plain values. `config` reads and checks them; [`super::registry`] builds
//! from them.

use crate::secret::Secret;

#[derive(Clone, Default, Debug)]
pub struct NotifySettings {
    pub infobip: Option<Infobip>,
    pub smtp: Option<Smtp>,
}

#[derive(Clone, Debug)]
pub struct Infobip {
    /// `https://<id>.api.infobip.com`; `http` to loopback only.
    pub base_url: String,
    pub api_key: Secret,
    /// A name or number. Without it there is no SMS.
    pub sms_sender: Option<String>,
    pub whatsapp: Option<WhatsApp>,
    /// Where Infobip may call us, up to and with the token; `None`: it is asked.
    pub callbacks: Option<String>,
}

#[derive(Clone, Debug)]
pub struct WhatsApp {
    /// A registered number.
    pub sender: String,
    /// The name under which our text, `assets/messages/whatsapp.txt`, was approved.
    pub template: String,
    pub language: String,
}

#[derive(Clone, Debug)]
pub struct Smtp {
    pub host: String,
    pub port: u16,
    /// `pager@example.com` or `PagerPal <pager@example.com>`.
    pub from: String,
    pub login: Option<Login>,
    /// TLS is required after a plain greeting. Without effect if `tls` is set.
    pub starttls: bool,
    /// TLS from the first byte, port 465. Plain text only if both are false.
    pub tls: bool,
}

#[derive(Clone, Debug)]
pub struct Login {
    pub username: String,
    pub password: Secret,
}
