//! What people come for, as they do it: in a browser, over the network, with a fake provider that delivers to phones.
//!
//! Each journey is walked in several [`Setting`]s: with the pages' scripts and without, at a desk with a mouse and on a
//! phone with a thumb, in light and in dark. Things are found as a person finds them, by the words on them, and every
//! page on the way is judged: it fits the screen, its colours are those of the theme, its console is silent, and
//! without scripts it says that it has to be loaded again. With `SCREENSHOTS=1` each is photographed, too.

mod desk;
mod first_page;
mod keys;
mod link;
mod night;
mod people;
mod policy;
mod schedule;
mod several;
mod sign_in;
mod steps;

use harness::browser::Browser;

/// How a journey is walked.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub scripts: bool,
    pub device: Device,
    pub dark: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Device {
    /// 1280 x 800, with a mouse.
    Desk,
    /// 360 x 640, with a finger.
    Phone,
}

const fn setting(scripts: bool, device: Device, dark: bool) -> Setting {
    Setting { scripts, device, dark }
}

/// The first four are what every journey is walked in.
const SETTINGS: [Setting; 8] = [
    setting(true, Device::Desk, false),
    setting(false, Device::Desk, false),
    setting(true, Device::Phone, true),
    setting(false, Device::Phone, true),
    setting(true, Device::Desk, true),
    setting(false, Device::Desk, true),
    setting(true, Device::Phone, false),
    setting(false, Device::Phone, false),
];

/// For journeys whose pages differ with the setting in more than size and colour.
fn everywhere() -> Vec<Setting> {
    SETTINGS.to_vec()
}

/// Scripts on and off, at a desk by day and on a phone by night.
fn here_and_there() -> Vec<Setting> {
    SETTINGS[..4].to_vec()
}

/// One after the other in one browser, each time at a site of its own.
async fn walk(settings: Vec<Setting>, journey: impl AsyncFn(&Browser, Setting)) {
    let browser = Browser::start().await;
    for setting in settings {
        // Shown when the journey fails, and otherwise not.
        println!("{setting:?}");
        journey(&browser, setting).await;
    }
}
