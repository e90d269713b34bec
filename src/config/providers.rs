//! The ways out: which provider is set up in full, and what is missing from one that is set up by half.
//!
//! A provider is complete or absent. What is missing is named by its setting, together with what does not work
//! meanwhile, and never stops another provider.

use super::keys;
use super::reader::{Absent, Reader};
use crate::secret::Secret;

/// The ways out, each complete or absent.
#[derive(Clone, Default)]
pub struct Providers {
    pub infobip: Option<Infobip>,
    pub smtp: Option<Smtp>,
}

/// SMS, WhatsApp or both: never neither.
#[derive(Clone)]
pub struct Infobip {
    /// Without a slash at the end.
    pub base_url: String,
    pub api_key: Secret<String>,
    pub sms_sender: Option<String>,
    pub whatsapp: Option<WhatsApp>,
}

#[derive(Clone)]
pub struct WhatsApp {
    pub sender: String,
    pub template: String,
    pub language: String,
}

/// At most one of `starttls` and `tls` is true; neither is plain text, which somebody asked for by two settings.
#[derive(Clone)]
pub struct Smtp {
    pub host: String,
    pub port: u16,
    /// An address as mail writes it, with or without a name.
    pub from: String,
    pub credentials: Option<(String, Secret<String>)>,
    /// TLS is required before anything is said.
    pub starttls: bool,
    /// TLS from the first byte.
    pub tls: bool,
}

pub(super) fn read(reader: &mut Reader) -> Providers {
    Providers { infobip: infobip(reader), smtp: smtp(reader) }
}

fn infobip(reader: &mut Reader) -> Option<Infobip> {
    let base_url = reader.read(&keys::INFOBIP_BASE_URL);
    let api_key = reader.read(&keys::INFOBIP_API_KEY);
    let sms_sender = reader.read(&keys::INFOBIP_SMS_SENDER);
    let sender = reader.read(&keys::INFOBIP_WHATSAPP_SENDER);
    let template = reader.read(&keys::INFOBIP_WHATSAPP_TEMPLATE);
    let language = reader.read(&keys::INFOBIP_WHATSAPP_LANGUAGE);

    let account = [&keys::INFOBIP_BASE_URL.row, &keys::INFOBIP_API_KEY.row];
    let senders =
        [&keys::INFOBIP_SMS_SENDER.row, &keys::INFOBIP_WHATSAPP_SENDER.row, &keys::INFOBIP_WHATSAPP_TEMPLATE.row];
    let whatsapp = [senders[1], senders[2]];
    if [&account[..], &senders[..]].concat().into_iter().any(|row| reader.is_set(row)) {
        let consequence = "no SMS and no WhatsApp message can be sent";
        reader.demand_all(&account, &senders, consequence);
        reader.demand_all(&whatsapp, &[], "no WhatsApp message can be sent");
        if !senders.into_iter().any(|row| reader.is_set(row)) {
            let place = if reader.is_set(account[0]) { account[0] } else { account[1] };
            let sentence = format!(
                "is set, but there is nothing to send from, so {consequence}; set INFOBIP_SMS_SENDER, or \
                 INFOBIP_WHATSAPP_SENDER and INFOBIP_WHATSAPP_TEMPLATE"
            );
            reader.degraded.push(reader.about(place, sentence));
        }
    }
    let whatsapp = match (sender, template, language) {
        (Ok(sender), Ok(template), Ok(language)) => Some(WhatsApp { sender, template, language }),
        _ => None,
    };
    let (base_url, api_key, sms_sender) = (base_url.ok()?, api_key.ok()?, sms_sender.ok());
    if sms_sender.is_none() && whatsapp.is_none() {
        return None;
    }
    Some(Infobip { base_url, api_key, sms_sender, whatsapp })
}

fn smtp(reader: &mut Reader) -> Option<Smtp> {
    let host = reader.read(&keys::SMTP_HOST);
    let port = reader.read(&keys::SMTP_PORT);
    let from = reader.read(&keys::SMTP_FROM);
    let username = reader.read(&keys::SMTP_USERNAME);
    let password = reader.read(&keys::SMTP_PASSWORD);
    let starttls = reader.read(&keys::SMTP_STARTTLS);
    let follows = port == Ok(465);
    let tls = reader.read_or(&keys::SMTP_TLS, follows, follows);

    let consequence = "no mail can be sent";
    let server = [&keys::SMTP_HOST.row, &keys::SMTP_FROM.row];
    let login = [&keys::SMTP_USERNAME.row, &keys::SMTP_PASSWORD.row];
    reader.demand_all(&server, &login, consequence);
    reader.demand_all(&login, &[], consequence);
    let starttls = starttls.ok()?;
    if !tls && !starttls && !reader.is_set(&keys::SMTP_TLS.row) && reader.is_set(server[0]) {
        let sentence = "is false, and SMTP_TLS is not set, so no mail can be sent; for mail without encryption set both \
                        to false";
        reader.degraded.push(reader.about(&keys::SMTP_STARTTLS.row, sentence));
        return None;
    }
    let credentials = match (username, password) {
        (Ok(username), Ok(password)) => Some((username, password)),
        (Err(Absent::Unset), Err(Absent::Unset)) => None,
        _ => return None,
    };
    Some(Smtp { host: host.ok()?, port: port.ok()?, from: from.ok()?, credentials, starttls: starttls && !tls, tls })
}
