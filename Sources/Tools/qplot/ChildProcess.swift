import Glibc
import Groundwork

/// Another program, started without a shell, with nothing but a text to read and no file open but its output.
enum ChildProcess {
  /// What it wrote to stdout and to stderr, and its status as `waitpid` gives it; nil where it is not installed.
  static func run(_ program: String, _ arguments: [String], input text: String = "") throws -> (output: [UInt8], messages: String, status: Int32)? {
    let input = try Pipe()
    let output = try Pipe()
    let messages = try Pipe()
    let process = try start(program, arguments, input, output, messages)
    [input.reading, output.writing, messages.writing].forEach { _ = close($0) }
    guard let process else {
      [input.writing, output.reading, messages.reading].forEach { _ = close($0) }
      return nil
    }
    let (written, said) = exchange(Array(text.utf8), input.writing, output.reading, messages.reading)
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    return (written, String(decoding: said, as: UTF8.self), status)
  }

  private struct Pipe {
    let reading: Int32
    let writing: Int32

    init() throws {
      var ends: [Int32] = [0, 0]
      guard pipe(&ends) == 0 else { throw Failure(.inputOutput, "cannot make a pipe: \(systemMessage())") }
      // Above the standard three, which may be closed here, and are set for the program one after the other.
      let moved = ends.map { fcntl($0, F_DUPFD_CLOEXEC, 3) }
      let error = errno
      ends.forEach { _ = close($0) }
      guard moved.allSatisfy({ $0 >= 0 }) else {
        moved.forEach { if $0 >= 0 { close($0) } }
        throw Failure(.inputOutput, "cannot make a pipe: \(systemMessage(error))")
      }
      (reading, writing) = (moved[0], moved[1])
    }
  }

  /// nil where there is no such program.
  private static func start(_ program: String, _ arguments: [String], _ input: Pipe, _ output: Pipe, _ messages: Pipe) throws -> pid_t? {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (from, to) in [(input.reading, STDIN_FILENO), (output.writing, STDOUT_FILENO), (messages.writing, STDERR_FILENO)] {
      let error = posix_spawn_file_actions_adddup2(&actions, from, to)
      // Without its own output the program would write to this one's.
      guard error == 0 else { throw Failure(.inputOutput, "cannot make a pipe: \(systemMessage(error))") }
    }
    let arguments = ([program] + arguments).map { strdup($0) } + [nil]
    let variables = environmentWithoutPreferences().map { strdup($0) } + [nil]
    defer { (arguments + variables).forEach { free($0) } }
    var process: pid_t = 0
    let error = posix_spawnp(&process, program, &actions, nil, arguments, variables)
    if error == ENOENT || error == EACCES { return nil }
    guard error == 0 else { throw Failure(.unavailable, "cannot start \(program): \(systemMessage(error))") }
    return process
  }

  /// The environment, but for what would change the picture.
  private static func environmentWithoutPreferences() -> [String] {
    var variables: [String] = []
    var place = environ
    while let variable = place.pointee {
      let text = String(cString: variable)
      let name = text.prefix { $0 != "=" }
      if !name.hasPrefix("GNU"), !name.hasPrefix("LC_"), name != "LANG", name != "LANGUAGE", name != "TZ" { variables.append(text) }
      place += 1
    }
    return variables + ["LC_ALL=C.UTF-8", "TZ=UTC"]
  }

  /// Writes the text and reads both outputs as each side is ready, so that neither waits for the other for ever.
  private static func exchange(_ text: [UInt8], _ input: Int32, _ output: Int32, _ messages: Int32) -> (output: [UInt8], messages: [UInt8]) {
    // Where the program ends early, its status tells more than a signal here.
    let before = signal(SIGPIPE, SIG_IGN)
    defer { signal(SIGPIPE, before) }
    _ = fcntl(input, F_SETFL, O_NONBLOCK)
    var written = 0
    var read: [[UInt8]] = [[], []]
    var waiting = [
      pollfd(fd: input, events: Int16(POLLOUT), revents: 0), pollfd(fd: output, events: Int16(POLLIN), revents: 0),
      pollfd(fd: messages, events: Int16(POLLIN), revents: 0),
    ]
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    func end(_ k: Int) {
      close(waiting[k].fd)
      waiting[k].fd = -1
    }
    while waiting.contains(where: { $0.fd >= 0 }) {
      if poll(&waiting, 3, -1) < 0 { continue }
      if waiting[0].fd >= 0, waiting[0].revents != 0 {
        let count = text[written...].withUnsafeBytes { Glibc.write(input, $0.baseAddress, $0.count) }
        if count > 0 { written += count } else if errno != EAGAIN, errno != EINTR { written = text.count }
        if written == text.count { end(0) }
      }
      for k in 1...2 where waiting[k].fd >= 0 && waiting[k].revents != 0 {
        let count = Glibc.read(waiting[k].fd, &chunk, chunk.count)
        if count > 0 { read[k - 1] += chunk[..<count] } else if count == 0 || errno != EINTR { end(k) }
      }
    }
    return (read[0], read[1])
  }
}
