//! What a run has seen so far, kept where stopping the run does not lose it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::jobs::Job;
use crate::matrix::cells::{Look, MOST_LOOKS, Seen};
use crate::observation::Followed;
use crate::verdict::Found;

/// All looks so far, so that whoever stops a run loses none of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Notebook(Arc<Mutex<Pages>>);

#[derive(Debug, Default)]
struct Pages {
    seen: BTreeMap<usize, Seen>,
    /// How many jobs of each probe are still to be done; nothing before the names are resolved.
    left: Option<HashMap<usize, usize>>,
}

impl Notebook {
    /// These are the jobs.
    pub(super) fn open(&self, jobs: &[Job]) {
        let mut left = HashMap::new();
        for job in jobs {
            *left.entry(job.probe).or_insert(0) += 1;
        }
        self.pages().left = Some(left);
    }

    /// Notes a look; `agree` is asked whether one that shows the same as another also means the same.
    pub(super) fn note(&self, job: &Job, look: Look, agree: impl Fn(&Look, &Look) -> bool) {
        let mut pages = self.pages();
        let page = pages.seen.entry(job.nth).or_insert_with(|| Seen {
            probe: job.probe,
            name: job.name.clone(),
            socket: job.address.as_ref().ok().copied(),
            attempts: vec![],
            follow_ups: vec![],
            found: None,
        });
        page.note(look, agree);
    }

    /// No more looks are kept of this job: the peer shows something else each time.
    pub(super) fn is_full(&self, job: &Job) -> bool {
        let pages = self.pages();
        let seen = pages.seen.get(&job.nth);
        seen.is_some_and(|seen| seen.attempts.len() >= MOST_LOOKS)
    }

    /// What was seen by a job so far.
    pub(super) fn so_far(&self, job: &Job) -> Option<Seen> {
        self.pages().seen.get(&job.nth).cloned()
    }

    pub(super) fn note_found(&self, job: &Job, found: &Arc<Found>) {
        if let Some(page) = self.pages().seen.get_mut(&job.nth) {
            page.found = Some(Arc::clone(found));
        }
    }

    pub(super) fn note_follow_up(&self, job: &Job, followed: Followed) {
        if let Some(page) = self.pages().seen.get_mut(&job.nth) {
            page.follow_ups.push(followed);
        }
    }

    /// All that was seen by a job, which is done.
    pub(super) fn done(&self, job: &Job) -> Option<Seen> {
        let mut pages = self.pages();
        if let Some(left) = pages
            .left
            .as_mut()
            .and_then(|left| left.get_mut(&job.probe))
        {
            *left = left.saturating_sub(1);
        }
        pages.seen.get(&job.nth).cloned()
    }

    /// Takes all that was seen, and of so many probes those that are not done.
    pub(super) fn all(&self, probes: usize) -> (Vec<Seen>, HashSet<usize>) {
        let mut pages = self.pages();
        let seen = std::mem::take(&mut pages.seen);
        let is_open = |probe: &usize| match &pages.left {
            Some(left) => left.get(probe).is_some_and(|left| *left > 0),
            None => true,
        };
        let open = (0..probes).filter(is_open).collect();
        (seen.into_values().collect(), open)
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
