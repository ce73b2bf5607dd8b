//! One row of the decision table: what is seen and known, and the verdict that is wanted of it.

use crate::certificate::Judgement;
use crate::observation::*;
use crate::plan::FollowUp;
use crate::verdict::{Elsewhere, Known, Library, Own, Verdict, classify, follow_up};

/// What is seen, what is known, and what it means.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) seen: Observation,
    pub(super) own: Option<Own>,
    pub(super) server: Option<Judgement>,
    pub(super) elsewhere: Elsewhere<'static>,
    pub(super) follow_ups: Vec<Followed>,
    want: &'static str,
    asks: Option<&'static [FollowUp]>,
}

/// Rows of one subject.
pub(super) struct Section {
    pub(super) title: &'static str,
    pub(super) about: &'static str,
    pub(super) rows: Vec<Row>,
}

impl Section {
    pub(super) fn check(&self) {
        let wrong: Vec<_> = self.rows.iter().filter_map(Row::wrong).collect();
        assert!(wrong.is_empty(), "{}:\n{}", self.title, wrong.join("\n"));
    }
}

impl Row {
    pub(super) fn of(seen: Observation) -> Self {
        Self {
            seen,
            own: None,
            server: None,
            elsewhere: Elsewhere::default(),
            follow_ups: vec![],
            want: "",
            asks: None,
        }
    }

    pub(super) fn own(self, own: Own) -> Self {
        Self {
            own: Some(own),
            ..self
        }
    }

    pub(super) fn server(self, server: Judgement) -> Self {
        Self {
            server: Some(server),
            ..self
        }
    }

    pub(super) fn elsewhere(self, elsewhere: Elsewhere<'static>) -> Self {
        Self { elsewhere, ..self }
    }

    /// This follow-up was made.
    pub(super) fn followed(mut self, kind: FollowUp, observation: Observation) -> Self {
        self.follow_ups.push(Followed { kind, observation });
        self
    }

    pub(super) fn by(self, library: Library) -> Self {
        self.but(|seen| seen.asked_by(library))
    }

    pub(super) fn but(self, change: impl FnOnce(Observation) -> Observation) -> Self {
        Self {
            seen: change(self.seen),
            ..self
        }
    }

    /// As it is before any follow-up.
    pub(super) fn alone(self) -> Self {
        Self {
            follow_ups: vec![],
            ..self
        }
    }

    /// The verdict, as [`spoken`].
    pub(super) fn want(self, want: &'static str) -> Self {
        Self { want, ..self }
    }

    /// The follow-ups that are opened, where none of them tells anything.
    pub(super) fn asks(self, asks: &'static [FollowUp]) -> Self {
        Self {
            asks: Some(asks),
            ..self
        }
    }

    pub(super) fn verdict(&self) -> Verdict {
        classify(&self.seen, &self.known())
    }

    pub(super) fn known(&self) -> Known<'_> {
        Known {
            own: self.own.as_ref(),
            server: self.server.as_ref(),
            elsewhere: self.elsewhere,
            follow_ups: &self.follow_ups,
        }
    }

    /// What is asked further, where nothing that is asked tells anything.
    pub(super) fn next(&self) -> Vec<FollowUp> {
        let failed = Ending::NeverConnected(NeverConnected::Refused);
        let mut row = self.clone();
        let mut asked = vec![];
        while let Some(kind) = follow_up(&row.seen, &row.known()) {
            assert!(!asked.contains(&kind), "{kind:?} twice of {self:?}");
            asked.push(kind);
            let nothing = Observation {
                stage: Stage::Tcp,
                ending: failed.clone(),
                ..Observation::default()
            };
            row = row.followed(kind, nothing);
        }
        asked
    }

    /// What is wrong with the verdict, in words.
    fn wrong(&self) -> Option<String> {
        let verdict = self.verdict();
        let next = self.next();
        let is_right = spoken(&verdict) == self.want
            && !verdict.evidence.is_empty()
            && self.asks.is_none_or(|asks| next == asks);
        let seen = self.in_words();
        (!is_right).then(|| {
            let (got, want) = (spoken(&verdict), self.want);
            let evidence = verdict.evidence.join("; ");
            format!("{seen:?}\n    got:  {got}, then {next:?}\n    want: {want}, then {:?}\n    {evidence}", self.asks)
        })
    }
}

/// A row for each alert.
pub(super) fn alerts(base: &Row, table: &[(u8, &'static str)]) -> Vec<Row> {
    let row = |&(alert, want): &(u8, _)| base.clone().but(|seen| seen.alert(alert)).want(want);
    table.iter().map(row).collect()
}

/// A row for each end without a word.
pub(super) fn ends(base: &Row, table: &[(Wordless, &'static str)]) -> Vec<Row> {
    let row = |&(how, want): &(Wordless, _)| base.clone().but(|seen| seen.wordless(how)).want(want);
    table.iter().map(row).collect()
}

/// `UNKNOWN_CA by peer, ambiguous: INCOMPLETE_CHAIN`
pub(super) fn spoken(verdict: &Verdict) -> String {
    let by = verdict
        .outcome()
        .by()
        .map_or(String::new(), |by| format!(" by {}", by.as_str()));
    let candidates: Vec<_> = verdict
        .candidates
        .iter()
        .map(|code| code.as_str())
        .collect();
    let also = match candidates.as_slice() {
        [] => String::new(),
        all => format!(": {}", all.join(" ")),
    };
    format!(
        "{}{by}, {}{also}",
        verdict.code(),
        verdict.confidence.as_str()
    )
}
