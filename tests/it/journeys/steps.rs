//! What several journeys have in common.

use super::desk::Desk;
use crate::live::{EMAIL, PASSWORD};

impl Desk<'_> {
    /// As Ada.
    pub async fn sign_in(&self) {
        self.sign_in_as(EMAIL, PASSWORD).await;
    }

    pub async fn sign_in_as(&self, email: &str, password: &str) {
        self.open("/login").await;
        self.submit("Sign in", &[("Email", email), ("Password", password)]).await;
        self.sees_in("button", "Sign out").await;
    }

    pub async fn sign_out(&self) {
        self.press("Sign out").await;
        self.sees("Sign in").await;
    }

    /// A number of the one who is signed in, by the code that is sent to it.
    pub async fn verify_a_number(&self, name: &str, number: &str) {
        self.follow(name).await;
        let address = format!("+{number}");
        self.submit("Add contact method", &[("Add", "SMS"), ("Number or mail address", &*address)]).await;
        self.sees("unverified").await;
        self.press(&format!("Send code to {address}")).await;
        let sent = self.message(number, "code").await;
        let mut words = sent.text.split(|c: char| !c.is_ascii_alphanumeric());
        let is_code = |word: &&str| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit());
        let code = words.find(is_code).unwrap_or_else(|| panic!("no code in {sent:?}"));
        self.submit("Verify", &[("Code", code)]).await;
        self.sees_in(".pill.good", "verified").await;
    }

    /// Of the only team, in UTC; its page is open then.
    pub async fn new_schedule(&self, name: &str) {
        self.go("Schedules").await;
        self.submit("Create schedule", &[("Name", name), ("Time zone", "UTC")]).await;
        self.sees("Nobody").await;
    }

    /// A policy that calls this first, and somebody else after so many minutes; its page is open then.
    pub async fn new_policy(&self, name: &str, calls: &str, minutes: &str) {
        self.go("Escalation policies").await;
        self.follow("New policy").await;
        let fields = [("Name", name), ("Minutes until the next level", minutes), ("Calls, 1", calls)];
        self.submit("Create policy", &fields).await;
        self.sees("Level 1").await;
    }

    /// Of the only team and policy. The answer is its key, which is shown once.
    pub async fn new_source(&self, name: &str) -> String {
        self.go("Alert sources").await;
        self.follow("New alert source").await;
        self.submit("Create alert source", &[("Name", name)]).await;
        self.sees("It is not shown again").await;
        let key = self.text_of("pre.key").await;
        self.go("Alert sources").await;
        self.sees(name).await;
        self.lacks(&key).await;
        key
    }
}
