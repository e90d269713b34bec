//! The container image, built from its file by a real builder and run: one binary, a user without rights, data in a volume.
//!
//! Building and running change the root directory, so this needs root.

use crate::live::START;
use harness::process::{Launch, Process, folder, free_port};
use harness::programs::{program, release_binary, repository};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const USER: u32 = 65532;

/// A store of images of its own, which goes with it.
struct Builder {
    folder: TempDir,
}

impl Builder {
    fn new() -> Builder {
        Builder { folder: folder("images") }
    }

    fn arguments(&self) -> Vec<String> {
        let at = |name: &str| self.folder.path().join(name).display().to_string();
        ["--storage-driver", "vfs", "--root", &at("store"), "--runroot", &at("run")].map(str::to_owned).into()
    }

    fn run(&self, arguments: &[&str]) -> String {
        let output = Command::new(program("buildah")).args(self.arguments()).args(arguments).output();
        let output = output.expect("buildah starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "buildah {arguments:?}: {errors}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// A command of the image, in a container of it. The builder makes the volume that the image asks for, one a container.
    fn begin(&self, container: &str, port: u16, command: &str) -> Process {
        let listen = format!("LISTEN_ADDRESS=127.0.0.1:{port}");
        let inside = ["run", "--isolation", "chroot", "--env", &listen, container];
        Launch::new(program("buildah"), self.folder.path())
            .args(self.arguments())
            .args(inside)
            .args(["--", "/pagerpal", command])
            .start()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_image_holds_one_file_and_serves_as_nobody() {
    let builder = Builder::new();
    let context = folder("context");
    fs::copy(release_binary("pagerpal"), context.path().join("pagerpal")).expect("the binary");
    fs::create_dir(context.path().join("data")).expect("a folder");
    let file = repository().join("packaging/container/Containerfile").display().to_string();
    let here = context.path().display().to_string();
    builder.run(&["bud", "--format", "docker", "--isolation", "chroot", "--tag", "pagerpal", "--file", &file, &here]);
    let about = builder.run(&["inspect", "--type", "image", "pagerpal"]);
    for told in [r#""User": "65532:65532""#, r#""/data": {}"#, r#""healthcheck""#, r#""StopSignal": "SIGTERM""#] {
        assert!(about.contains(told), "{told} is missing: {about}");
    }
    let container = builder.run(&["from", "pagerpal"]);
    let root = builder.run(&["mount", &container]);
    let mut inside: Vec<_> = fs::read_dir(&root).expect("mounted").flatten().map(|entry| entry.file_name()).collect();
    inside.sort();
    assert_eq!(inside, ["data", "pagerpal"]);
    let owner = fs::metadata(Path::new(&root).join("data")).expect("it is there");
    assert_eq!((owner.uid(), owner.gid()), (USER, USER), "a new volume belongs to whom the folder belongs to");

    let port = free_port();
    let mut serving = builder.begin(&container, port, "serve");
    let answered = serving.wait_until_answers(&format!("http://127.0.0.1:{port}/health"), START).await;
    answered.unwrap_or_else(|why| panic!("{why}\n{}", serving.output()));
    let list = ["-name", "pagerpal.redb", "-user", "65532"];
    let found = Command::new(program("find")).arg(builder.folder.path()).args(list).output().expect("find starts");
    let found = String::from_utf8_lossy(&found.stdout).into_owned();
    assert!(found.contains("volume"), "the database is in the volume: {found}");
    let asking = builder.begin(&container, port, "healthcheck");
    let status = asking.to_end(START).await;
    assert!(status.success(), "it could page now: {status}");
    let changed = fs::read_dir(Path::new(&root).join("data")).expect("mounted").count();
    assert_eq!(changed, 0, "all is in the volume, so the root may be read-only");
}
