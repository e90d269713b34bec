//! What people are called in a document.
//!
//! By the mail address, which is unique; without one by the name; and where others have that name, too, with a number, in
//! the order in which they were created.

use crate::domain::id::UserId;
use crate::domain::user::User;
use std::collections::{BTreeMap, BTreeSet};

/// `users` in the order of their creation.
pub(super) fn handles(users: &[User]) -> BTreeMap<UserId, String> {
    let mut taken: BTreeSet<String> = users.iter().filter_map(|user| user.email.clone()).collect();
    let names: BTreeSet<&String> = users.iter().map(|user| &user.name).collect();
    let mut handles = BTreeMap::new();
    for user in users {
        let handle = user.email.clone().unwrap_or_else(|| {
            // A number makes no name that somebody has: whose handle it is must not hang on who came first.
            let numbered = (2..).map(|number| format!("{} ({number})", user.name)).filter(|free| !names.contains(free));
            let mut free = std::iter::once(user.name.clone()).chain(numbered).filter(|handle| !taken.contains(handle));
            free.next().expect("numbers do not end")
        });
        taken.insert(handle.clone());
        handles.insert(user.id, handle);
    }
    handles
}
