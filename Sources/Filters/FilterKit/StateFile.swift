import Glibc
import Groundwork
import Tables

/// The file of `--state`: what a tool has learnt so far, read at the start of a run and replaced at its end.
///
/// From `open` on it is locked, so a second run that names it waits for the first and sees what that one learnt. It is replaced by
/// renaming, so whatever ends a run leaves the old state or the new one. A run that learns for the first time holds its lock on an empty file of that
/// name, which it takes away again where it fails or is interrupted; an empty file is no state.
public final class StateFile {
  public let path: String
  private let tool: String
  private var descriptor: Int32 = -1
  /// The empty file where it is this run's.
  private var empty: UnfinishedFiles.Number?

  private init(_ path: String, tool: String) {
    self.path = path
    self.tool = tool
  }

  /// Waits until no other run has the file. Throws, before anything is written, where it cannot be locked or replaced.
  public static func open(_ path: String, tool: String, diagnostics: Diagnostics) throws -> StateFile {
    let file = StateFile(try ReplacedFile.target(of: path), tool: tool)
    try ReplacedFile.checkWritable(file.path)
    while !(try file.take(diagnostics)) {}
    return file
  }

  /// Opens and locks. False where the file was replaced meanwhile.
  private func take(_ diagnostics: Diagnostics) throws -> Bool {
    // Some network file systems lock only what is open for writing; what only its owner writes can be read and replaced all the same.
    descriptor = Glibc.open(path, O_RDWR | O_CLOEXEC)
    if descriptor < 0, errno == EACCES { descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
    if descriptor < 0, errno == ENOENT {
      (descriptor, empty) = UnfinishedFiles.whileSignalsWait {
        let descriptor = Glibc.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        return (descriptor, descriptor < 0 ? nil : UnfinishedFiles.add(path, descriptor: descriptor))
      }
      if descriptor < 0, errno == EEXIST { return false }
    }
    guard descriptor >= 0 else { throw failure(.cannotCreate, "cannot open: " + systemMessage()) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw failure(.cannotCreate, "is not a regular file", remedy: "a state is read and replaced")
    }
    if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      if errno == EWOULDBLOCK { diagnostics.warn("\(path): waiting for another run to end") }
      while flock(descriptor, LOCK_EX) != 0 {
        if errno != EINTR { throw failure(.inputOutput, "cannot lock: " + systemMessage()) }
      }
    }
    var current = stat()
    guard fstat(descriptor, &status) == 0, stat(path, &current) == 0, status.st_ino == current.st_ino, status.st_dev == current.st_dev else {
      forget()
      Glibc.close(descriptor)
      return false
    }
    return true
  }

  private func failure(_ status: Failure.Status, _ cause: String, remedy: String? = nil) -> Failure {
    Failure(status, cause, at: .init(input: path), remedy: remedy)
  }

  /// What was learnt before; nil where nothing was.
  public func read() throws -> ModelFile? {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure(.inputOutput, "cannot read: " + systemMessage()) }
    return status.st_size == 0 ? nil : try ModelFile(path: path, tool: tool)
  }

  /// Writes what was learnt in place of what was there. Throws where it cannot be written, and the old state stays.
  public func replace(by model: ModelFile) throws {
    try model.save(to: path)
    forget()
  }

  /// Lets others have the file: the old state, the new one where there is one, or none.
  public func close() {
    if empty != nil { unlink(path) }
    forget()
    Glibc.close(descriptor)
  }

  /// The empty file has another name, or none.
  private func forget() {
    if let empty { UnfinishedFiles.remove(empty) }
    empty = nil
  }
}
