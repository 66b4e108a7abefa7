import Glibc

/// The files of this run that must not outlive it: temporary ones until they are renamed, and empty ones that hold a place.
///
/// `removeAll` takes them away, and so does every signal that ends the process by itself.
enum UnfinishedFiles {
  typealias Number = Int

  private struct Entry {
    /// nil is a free place.
    var path: UnsafeMutablePointer<CChar>?
    /// The file is taken away only while it still has a name; negative is not asked.
    var descriptor: Int32
  }

  nonisolated(unsafe) private static var isUsed = false

  /// Read by handlers of signals, so it is never moved or freed.
  nonisolated(unsafe) private static let entries: UnsafeMutableBufferPointer<Entry> = {
    let entries = UnsafeMutableBufferPointer<Entry>.allocate(capacity: 32)
    entries.initialize(repeating: Entry(path: nil, descriptor: -1))
    return entries
  }()

  /// Adds a file that this run makes now. Give its descriptor where another may come to have its name.
  static func add(_ path: String, descriptor: Int32 = -1) -> Number {
    let number = entries.firstIndex { $0.path == nil }!
    entries[number].descriptor = descriptor
    entries[number].path = strdup(path)
    if !isUsed { for signal in [SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGALRM, SIGTERM, SIGUSR1, SIGUSR2, SIGXCPU] { handle(signal) } }
    isUsed = true
    return number
  }

  /// The file is whole, or gone.
  static func remove(_ number: Number) { entries[number].path = nil }

  /// Calls `body`, which keeps `errno`, while signals wait for its end; those of other threads do not.
  static func whileSignalsWait<T>(_ body: () -> T) -> T {
    var (all, before) = (sigset_t(), sigset_t())
    sigfillset(&all)
    pthread_sigmask(SIG_BLOCK, &all, &before)
    let result = body()
    let error = errno
    pthread_sigmask(SIG_SETMASK, &before, nil)
    errno = error
    return result
  }

  /// Unlinks all of them.
  static func removeAll() {
    guard isUsed else { return }
    for number in entries.indices {
      unlinkFile(of: entries[number])
      entries[number].path = nil
    }
  }

  private static func unlinkFile(of entry: Entry) {
    guard let path = entry.path else { return }
    var status = stat()
    if entry.descriptor >= 0, fstat(entry.descriptor, &status) == 0, status.st_nlink == 0 { return }
    unlink(path)
  }

  private static func handle(_ number: Int32) {
    var current = sigaction()
    sigaction(number, nil, &current)
    // What whoever started this run wants ignored stays so: nohup, a shell's background.
    if unsafeBitCast(current.__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self) { return }
    signal(number) { number in
      for entry in UnfinishedFiles.entries { UnfinishedFiles.unlinkFile(of: entry) }
      signal(number, SIG_DFL)
      raise(number)
    }
  }
}
