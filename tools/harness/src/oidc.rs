//! A real OpenID Connect provider on loopback: the npm package `oidc-provider` with its own sign-in pages.

use crate::process::{Launch, Process, folder, free_port};
use crate::programs::{program, repository};
use serde_json::{Value, json};
use std::time::Duration;
use tempfile::TempDir;

const START: Duration = Duration::from_secs(60);

pub const CLIENT_ID: &str = "pagerpal";
pub const CLIENT_SECRET: &str = "s3cret-of-the-client";

pub struct OpenIdProvider {
    url: String,
    // Dropped in this order: the program goes before its folder.
    _process: Process,
    _folder: TempDir,
}

impl OpenIdProvider {
    /// `accounts` are claims by the name that is typed in there; any password does.
    ///
    /// # Panics
    /// When it cannot be started.
    pub async fn start(redirect: &str, accounts: &Value) -> OpenIdProvider {
        let folder = folder("oidc");
        let port = free_port();
        let url = format!("http://127.0.0.1:{port}");
        let modules = repository().join("target/node/node_modules");
        assert!(modules.is_dir(), "this test needs packages in target/node: run `cargo xtask needs`");
        let client = json!({"id": CLIENT_ID, "secret": CLIENT_SECRET, "redirect": redirect});
        let mut process = Launch::new(program("node"), folder.path())
            .arg(repository().join("tools/harness/node/provider.mjs"))
            .env("PORT", port.to_string())
            .env("MODULES", modules)
            .env("CLIENT", client.to_string())
            .env("ACCOUNTS", accounts.to_string())
            .start();
        let ready = format!("{url}/.well-known/openid-configuration");
        process.wait_until_answers(&ready, START).await.unwrap_or_else(|why| panic!("{why}\n{}", process.output()));
        OpenIdProvider { url, _process: process, _folder: folder }
    }

    /// How it names itself.
    pub fn issuer(&self) -> &str {
        &self.url
    }
}
