//! A store in memory that fails when it is told to.
#![allow(dead_code, unreachable_pub)]

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// How it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Mood {
    /// Not at all.
    #[default]
    Good,
    /// Puts and gets by numbers that follow from a seed: not done, or late, or done and failed all the same.
    Moody(u64),
    /// Everything, at once.
    Out,
    /// Nothing answers any more.
    Silent,
}

/// What becomes of one call.
enum Fate {
    Done,
    NotDone,
    DoneAndFailed,
    Late,
}

/// A store whose calls fail by its mood.
#[derive(Debug, Default)]
pub struct Failing {
    inner: InMemory,
    mood: Mutex<Mood>,
    faults: AtomicU64,
    after_success: AtomicU64,
}

impl std::fmt::Display for Failing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a failing store")
    }
}

impl Failing {
    /// Fails now and then, by a seed other than 0.
    pub fn fail_by(&self, seed: u64) {
        self.set(Mood::Moody(seed));
    }

    /// Fails always.
    pub fn go_out(&self) {
        self.set(Mood::Out);
    }

    /// Answers nothing any more.
    pub fn fall_silent(&self) {
        self.set(Mood::Silent);
    }

    /// Works again. A call that is not answered stays so.
    pub fn recover(&self) {
        self.set(Mood::Good);
    }

    /// Calls that failed, or were not answered.
    pub fn faults(&self) -> u64 {
        self.faults.load(Ordering::SeqCst)
    }

    /// Puts that were done and failed all the same.
    pub fn after_success(&self) -> u64 {
        self.after_success.load(Ordering::SeqCst)
    }

    fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    async fn fate(&self) -> Fate {
        let mood = {
            let mut mood = self.mood.lock().unwrap();
            if let Mood::Moody(state) = &mut *mood {
                *state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
            }
            *mood
        };
        let fate = match mood {
            Mood::Good => Fate::Done,
            Mood::Out => Fate::NotDone,
            Mood::Moody(state) => match state >> 60 {
                0 | 1 => Fate::NotDone,
                2 | 3 => Fate::DoneAndFailed,
                4 => Fate::Late,
                _ => Fate::Done,
            },
            Mood::Silent => {
                self.faults.fetch_add(1, Ordering::SeqCst);
                std::future::pending().await
            }
        };
        if matches!(fate, Fate::Late) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        fate
    }

    fn fault(&self) -> Error {
        self.faults.fetch_add(1, Ordering::SeqCst);
        Error::Generic {
            store: "failing",
            source: "made to fail".into(),
        }
    }

    /// Fails what has no fate of its own, when the store is out.
    fn listing(
        &self,
        listed: BoxStream<'static, Result<ObjectMeta>>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        if *self.mood.lock().unwrap() == Mood::Out {
            let fault = self.fault();
            return futures::stream::once(async move { Err(fault) }).boxed();
        }
        listed
    }
}

#[async_trait::async_trait]
impl ObjectStore for Failing {
    async fn put_opts(&self, at: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        match self.fate().await {
            Fate::NotDone => Err(self.fault()),
            Fate::DoneAndFailed => {
                self.inner.put_opts(at, payload, options).await?;
                self.after_success.fetch_add(1, Ordering::SeqCst);
                Err(self.fault())
            }
            Fate::Done | Fate::Late => self.inner.put_opts(at, payload, options).await,
        }
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        match self.fate().await {
            Fate::NotDone => Err(self.fault()),
            _ => self.inner.put_multipart_opts(at, options).await,
        }
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> Result<GetResult> {
        match self.fate().await {
            Fate::NotDone => Err(self.fault()),
            _ => self.inner.get_opts(at, options).await,
        }
    }

    fn delete_stream(&self, at: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(at)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.listing(self.inner.list(prefix).boxed())
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        match self.fate().await {
            Fate::NotDone => Err(self.fault()),
            _ => self.inner.list_with_delimiter(prefix).await,
        }
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        match self.fate().await {
            Fate::NotDone => Err(self.fault()),
            _ => self.inner.copy_opts(from, to, options).await,
        }
    }
}
