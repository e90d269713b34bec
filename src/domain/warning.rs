//! Warnings: what a change did that its author may not have meant. It is done all the same, and said afterwards.

/// In the order in which they are said.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Warning {
    GapCreated,
    SwapOrphaned,
    Unreachable,
    ViewerOnCall,
    NotTeamMember,
    Starved,
    NoSchedule,
    WindowsMerged,
    StartsInPast,
    NoEffect,
}

impl Warning {
    pub const ALL: [Warning; 10] = [
        Warning::GapCreated,
        Warning::SwapOrphaned,
        Warning::Unreachable,
        Warning::ViewerOnCall,
        Warning::NotTeamMember,
        Warning::Starved,
        Warning::NoSchedule,
        Warning::WindowsMerged,
        Warning::StartsInPast,
        Warning::NoEffect,
    ];

    /// Stable, for programs.
    pub fn code(self) -> &'static str {
        match self {
            Warning::GapCreated => "gap_created",
            Warning::SwapOrphaned => "swap_orphaned",
            Warning::Unreachable => "unreachable",
            Warning::ViewerOnCall => "viewer_on_call",
            Warning::NotTeamMember => "not_team_member",
            Warning::Starved => "starved",
            Warning::NoSchedule => "no_schedule",
            Warning::WindowsMerged => "windows_merged",
            Warning::StartsInPast => "starts_in_past",
            Warning::NoEffect => "no_effect",
        }
    }

    pub fn from_code(code: &str) -> Option<Warning> {
        Warning::ALL.into_iter().find(|warning| warning.code() == code)
    }

    pub fn sentence(self) -> &'static str {
        match self {
            Warning::GapCreated => "Nobody is on call now at times that somebody had before. Look at the gaps.",
            Warning::SwapOrphaned => "Half of a swap stands alone: its other half is over, or meets nobody's turn.",
            Warning::Unreachable => {
                "Somebody named here cannot be paged. Give them a contact method that is switched on."
            }
            Warning::ViewerOnCall => "Somebody named here is a viewer: they are paged, but may not take incidents.",
            Warning::NotTeamMember => "Somebody named here is not a member of the team.",
            Warning::Starved => "Somebody of a rotation is never on call in the next 8 weeks.",
            Warning::NoSchedule => "The team has no schedule any more, so all its members are paged at once.",
            Warning::WindowsMerged => "Windows of this rotation overlap. Together they count as one.",
            Warning::StartsInPast => "It begins in the past. Whoever was paged in that time stays so.",
            Warning::NoEffect => "It changes nothing: the same people are on call as before.",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_warning_is_found_by_its_code() {
        for warning in Warning::ALL {
            assert_eq!(Warning::from_code(warning.code()), Some(warning));
            assert!(warning.sentence().ends_with('.'), "{warning:?}");
        }
        assert_eq!(Warning::from_code("nonsense"), None);
    }
}
