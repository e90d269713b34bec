//! People and teams.

use super::super::export::contact_words;
use super::{Importer, Kind, conflict, named};
use crate::app::{AppError, MANY, auth, change, invitations, teams, users};
use crate::domain::contact::Channel;
use crate::domain::id::{ContactId, UserId};
use crate::domain::refusal::{Refusal, checked_name};
use crate::domain::team::Team;
use crate::domain::user::{
    Activity, ContactMethod, Login, Rules, Step, User, checked_email, checked_phone, keeps_an_admin,
};
use crate::exchange::document as doc;
use crate::store::users as kept;
use std::collections::BTreeSet;

impl Importer<'_, '_> {
    pub(super) fn users(&mut self, items: &[doc::User]) -> Result<(), AppError> {
        let (mut seen, mut changed) = (BTreeSet::new(), Vec::new());
        for (number, item) in items.iter().enumerate() {
            let place = format!("users[{number}] ({})", item.name);
            let handle = handle(item);
            if !self.is_first(&place, &mut seen, &handle) {
                continue;
            }
            let before = self.people.get(&handle).map(|id| users::one(self.tx, *id)).transpose()?;
            match self.user(&place, item, &handle, before.as_ref())? {
                Some(_) => changed.extend(before),
                None => {
                    self.lacks(Kind::User, &handle);
                    self.lacks(Kind::User, &item.name);
                }
            }
        }
        let mut admins = kept::users_active_admins(self.tx, MANY)?;
        admins.retain(|admin| !self.leaving.contains(&admin.id));
        let kept = changed.iter().map(|before| keeps_an_admin(before, &admins)).find(Result::is_err);
        self.take("users", kept.unwrap_or(Ok(())))?;
        Ok(())
    }

    fn user(
        &mut self,
        place: &str,
        item: &doc::User,
        handle: &str,
        before: Option<&User>,
    ) -> Result<Option<()>, AppError> {
        let known = self.complaints.len();
        let (now, mut more) = (self.now, Vec::new());
        let mut user = match before {
            Some(before) => before.clone(),
            None => self.newcomer(place, item)?,
        };
        if let Some(name) = self.take(place, checked_name(&item.name))? {
            user.name = name;
        }
        if let Some(email) = self.take(place, item.email.as_deref().map(checked_email).transpose())? {
            user.email = email;
        }
        user.role = item.role.0;
        self.take(place, users::checked_zone(&item.zone))?;
        user.zone.clone_from(&item.zone);
        self.contacts(place, item, &mut user)?;
        self.rules(place, item, &mut user)?;
        if let Some(login) = &item.login
            && user.login.as_ref().is_none_or(|known| known.password_hash != login.password_hash)
            && self.take(place, checked_login(login, &user))?.is_some()
        {
            let Login { password_hash, changed_at } =
                Login { password_hash: login.password_hash.clone(), changed_at: login.changed_at.0.min(now) };
            user.login = Some(Login { password_hash, changed_at });
            more.extend(before.map(|_| "login is another".to_owned()));
        }
        match (item.active, before) {
            (true, _) => user.reactivate(now),
            (false, None) => user.deactivate(now),
            (false, Some(_)) if user.is_active() => self.leaving.push(user.id),
            (false, Some(_)) => {}
        }
        if self.complaints.len() > known {
            return Ok(None);
        }
        if before.is_none() {
            self.newcomers.insert(user.id);
            self.without_login += usize::from(user.login.is_none());
        }
        self.people.insert(handle.to_owned(), user.id);
        self.writer.handles.insert(user.id, handle.to_owned());
        self.writer.names.users.insert(user.id, user.name.clone());
        if before == Some(&user) {
            return Ok(Some(()));
        }
        users::save(self.tx, &user)?;
        if before.is_some_and(|before| before.role != user.role || before.login != user.login) {
            auth::end_sessions(self.tx, user.id)?;
            invitations::forget(self.tx, user.id)?;
        }
        // When somebody was active says nothing more than whether they are.
        let form = |user: &User| doc::User { activity: vec![], ..self.writer.user(user) };
        let (was, is) = (before.map(form), form(&user));
        self.said("user", &user.name, user.id, (was.as_ref(), &is), more)?;
        Ok(Some(()))
    }

    fn newcomer(&mut self, place: &str, item: &doc::User) -> Result<User, AppError> {
        let now = self.now;
        let given: Vec<Activity> = item
            .activity
            .iter()
            .map(|span| Activity { from: span.from.0.min(now), to: span.to.map(|to| to.0.min(now)) })
            .collect();
        let is_sound = given.iter().all(|span| span.to.is_none_or(|to| span.from <= to))
            && given.windows(2).all(|pair| pair[0].to.is_some_and(|to| to <= pair[1].from));
        if !is_sound {
            let sentence = "Write the times of activity in order, each with an end but the last.";
            self.complain(&format!("{place}, activity"), sentence);
        }
        let first = Activity { from: now, to: None };
        Ok(User {
            id: self.tx.new_id(),
            name: String::new(),
            email: None,
            role: item.role.0,
            login: None,
            zone: String::new(),
            activity: if given.is_empty() && is_sound { vec![first] } else { given },
            contacts: vec![],
            rules: Rules::default(),
            created_at: now,
            version: 0,
        })
    }

    fn contacts(&mut self, place: &str, item: &doc::User, user: &mut User) -> Result<(), AppError> {
        let Some(items) = &item.contacts else {
            if self.is_new(user)
                && let Some(email) = &user.email
            {
                user.contacts.push(ContactMethod::email(self.tx.new_id(), email));
            }
            return Ok(());
        };
        let mut contacts: Vec<ContactMethod> = Vec::new();
        for (number, item) in items.iter().enumerate() {
            let place = format!("{place}, contacts[{number}]");
            let channel = item.channel.0;
            let address = match channel {
                Channel::Sms | Channel::WhatsApp => checked_phone(&item.address),
                Channel::Email => checked_email(&item.address),
            };
            let address = address.map_err(|refusal| Refusal { field: Some("address"), ..refusal });
            let Some(address) = self.take(&place, address)? else { continue };
            if contacts.iter().any(|contact| contact.channel == channel && contact.address == address) {
                self.complain(&place, format!("{} {address} comes twice.", channel.title()));
                continue;
            }
            let known = user.contacts.iter().find(|contact| contact.channel == channel && contact.address == address);
            let verified_at = item.verified_at.map(|at| at.0.min(self.now));
            let contact = match known {
                Some(known) => known.clone(),
                None => {
                    let id: ContactId = self.tx.new_id();
                    ContactMethod { id, channel, address, enabled: true, verified_at, verification: None }
                }
            };
            contacts.push(ContactMethod { enabled: item.enabled, ..contact });
        }
        if contacts.len() > users::CONTACTS {
            self.complain(place, format!("Somebody has at most {} contact methods.", users::CONTACTS));
        }
        for gone in user.contacts.iter().filter(|old| contacts.iter().all(|new| new.id != old.id)) {
            user.rules.without(gone.id);
        }
        user.contacts = contacts;
        Ok(())
    }

    fn is_new(&self, user: &User) -> bool {
        user.version == 0
    }

    fn rules(&mut self, place: &str, item: &doc::User, user: &mut User) -> Result<(), AppError> {
        let Some(rules) = &item.rules else { return Ok(()) };
        let mut resolve = |list: &[doc::Step], name: &str| {
            let mut steps = Vec::new();
            for (number, step) in list.iter().enumerate() {
                let wanted = step.contact.trim();
                let found = user.contacts.iter().find(|contact| contact_words(contact) == wanted);
                match found {
                    Some(contact) => steps.push(Step { contact: contact.id, after_minutes: step.after_minutes }),
                    None => {
                        let place = format!("{place}, rules.{name}[{number}]");
                        let sentence = format!(
                            "{wanted:?} is none of the contact methods above. Write the channel and the address as they \
                             are there: sms +491701234567."
                        );
                        self.complain(&place, sentence);
                    }
                }
            }
            steps
        };
        let rules = Rules { high: resolve(&rules.high, "high"), low: resolve(&rules.low, "low") };
        if let Some(rules) = self.take(&format!("{place}, rules"), rules.checked(&user.contacts))? {
            user.rules = rules;
        }
        Ok(())
    }

    pub(super) fn teams(&mut self, items: &[doc::Team]) -> Result<(), AppError> {
        let mut seen = BTreeSet::new();
        for (number, item) in items.iter().enumerate() {
            let place = format!("teams[{number}] ({})", item.name);
            if !self.is_first(&place, &mut seen, &item.name) {
                continue;
            }
            let known = named(&self.writer.names.teams, &item.name);
            let before = known.map(|id| teams::one(self.tx, id)).transpose()?;
            if self.one_team(&place, item, before.as_ref())?.is_none() {
                self.lacks(Kind::Team, &item.name);
            }
        }
        Ok(())
    }

    fn one_team(&mut self, place: &str, item: &doc::Team, before: Option<&Team>) -> Result<Option<()>, AppError> {
        let kept: BTreeSet<UserId> = before.into_iter().flat_map(|team| &team.members).copied().collect();
        let members = self.persons(&format!("{place}, members"), &item.members, &kept)?;
        let name = self.take(place, checked_name(&item.name))?;
        let (Some(members), Some(name)) = (members, name) else { return Ok(None) };
        let mut team = match before {
            Some(before) => Team { name, version: before.version + 1, ..before.clone() },
            None => {
                let (id, created_at) = (self.tx.new_id(), self.now);
                Team { id, name, members: vec![], created_at, version: 1 }
            }
        };
        // Who was there keeps the place; others follow.
        team.members.retain(|member| members.contains(member));
        team.members.extend(members.into_iter().filter(|member| !kept.contains(member)));
        if before.is_some_and(|before| (&before.name, &before.members) == (&team.name, &team.members)) {
            return Ok(Some(()));
        }
        self.tx.put(&team).map_err(conflict(change::name_taken("team", &team.name)))?;
        let (was, is) = (before.map(|before| self.writer.team(before)), self.writer.team(&team));
        self.writer.names.teams.insert(team.id, team.name.clone());
        self.said("team", &team.name, team.id, (was.as_ref(), &is), vec![])?;
        Ok(Some(()))
    }
}

fn handle(item: &doc::User) -> String {
    match (&item.email, &item.known_as) {
        (Some(email), _) => email.trim().to_lowercase(),
        (None, Some(known_as)) => known_as.clone(),
        (None, None) => item.name.trim().to_owned(),
    }
}

fn checked_login(login: &doc::Login, user: &User) -> Result<(), Refusal> {
    if user.email.is_none() {
        let sentence = "A login needs a mail address: people sign in with it.";
        return Err(Refusal::invalid("email_missing", "login", sentence));
    }
    if auth::is_password_hash(&login.password_hash) {
        return Ok(());
    }
    let sentence = "This is no Argon2id hash. Take it as an export with secrets has it, or leave the login out.";
    Err(Refusal::invalid("password_hash_form", "login", sentence))
}
