//! The provider's published status and error codes, as they look in its answers and reports.
//!
//! Source: Infobip, "Response status and error codes", and "Flooding filter (DCL)" for the two error codes.

use serde_json::{Value, json};

pub const DELIVERED_TO_HANDSET: u16 = 5;
pub const PENDING_ACCEPTED: u16 = 26;
pub const REJECTED_FLOODING_FILTER: u16 = 20;
pub const REJECTED_DUPLICATE_MESSAGE_ID: u16 = 23;

/// 21 texts of any kind to one number within the hour.
pub const EC_DESTINATION_FLOODING: u16 = 4103;
/// 7 identical texts to one number within the hour.
pub const EC_DESTINATION_TXT_FLOODING: u16 = 4104;

const GROUPS: [&str; 6] = ["ACCEPTED", "PENDING", "UNDELIVERABLE", "DELIVERED", "EXPIRED", "REJECTED"];

/// Id, group, name.
const STATUSES: [(u16, usize, &str); 29] = [
    (0, 0, "MESSAGE_ACCEPTED"),
    (3, 1, "PENDING_WAITING_DELIVERY"),
    (7, 1, "PENDING_ENROUTE"),
    (PENDING_ACCEPTED, 1, "PENDING_ACCEPTED"),
    (4, 2, "UNDELIVERABLE_REJECTED_OPERATOR"),
    (9, 2, "UNDELIVERABLE_NOT_DELIVERED"),
    (31, 2, "UNDELIVERABLE_NOT_SENT"),
    (2, 3, "DELIVERED_TO_OPERATOR"),
    (DELIVERED_TO_HANDSET, 3, "DELIVERED_TO_HANDSET"),
    (15, 4, "EXPIRED_EXPIRED"),
    (29, 4, "EXPIRED_DLR_UNKNOWN"),
    (6, 5, "REJECTED_NETWORK"),
    (8, 5, "REJECTED_PREFIX_MISSING"),
    (10, 5, "REJECTED_DND"),
    (11, 5, "REJECTED_SOURCE"),
    (12, 5, "REJECTED_NOT_ENOUGH_CREDITS"),
    (13, 5, "REJECTED_SENDER"),
    (14, 5, "REJECTED_DESTINATION"),
    (17, 5, "REJECTED_PREPAID_PACKAGE_EXPIRED"),
    (18, 5, "REJECTED_DESTINATION_NOT_REGISTERED"),
    (19, 5, "REJECTED_ROUTE_NOT_AVAILABLE"),
    (REJECTED_FLOODING_FILTER, 5, "REJECTED_FLOODING_FILTER"),
    (21, 5, "REJECTED_SYSTEM_ERROR"),
    (REJECTED_DUPLICATE_MESSAGE_ID, 5, "REJECTED_DUPLICATE_MESSAGE_ID"),
    (24, 5, "REJECTED_INVALID_UDH"),
    (25, 5, "REJECTED_MESSAGE_TOO_LONG"),
    (51, 5, "MISSING_TO"),
    (52, 5, "REJECTED_INVALID_DESTINATION"),
    (87, 5, "SIGNALS_BLOCKED"),
];

/// The `status` object for an id.
///
/// # Panics
/// On an id that is not in the table: a test that scripts one should say what it means first.
pub fn status(id: u16) -> Value {
    let (_, group, name) = STATUSES
        .into_iter()
        .find(|(known, ..)| *known == id)
        .unwrap_or_else(|| panic!("status {id} is not in the fake's table"));
    let description = name.replace('_', " ").to_lowercase();
    json!({ "groupId": group, "groupName": GROUPS[group], "id": id, "name": name, "description": description })
}

/// Whether the message reached the phone.
pub fn is_delivered(id: u16) -> bool {
    status(id)["groupId"] == 3
}

/// The `error` object that goes with a status in a report.
pub fn error(id: u16) -> Value {
    let (group, group_name, name) = match id {
        0 => (0, "OK", "NO_ERROR"),
        EC_DESTINATION_FLOODING => (2, "USER_ERRORS", "EC_DESTINATION_FLOODING"),
        EC_DESTINATION_TXT_FLOODING => (2, "USER_ERRORS", "EC_DESTINATION_TXT_FLOODING"),
        _ => (1, "HANDSET_ERRORS", "EC_UNKNOWN_ERROR"),
    };
    let description = name.replace('_', " ").to_lowercase();
    let permanent = group == 2;
    json!({ "groupId": group, "groupName": group_name, "id": id, "name": name, "description": description,
            "permanent": permanent })
}
