import Glibc
import Groundwork

/// The program that draws. It gets its script on stdin and is started without a shell, and no file but the output is ever made.
enum Gnuplot {
  /// The picture's bytes, and what gnuplot said besides. Throws where it is not installed or fails.
  static func draw(_ script: String) throws -> (picture: [UInt8], remarks: [String]) {
    let input = try Pipe()
    let output = try Pipe()
    let messages = try Pipe()
    let process = try start(input, output, messages)
    [input.reading, output.writing, messages.writing].forEach { _ = close($0) }
    let (picture, said) = exchange(Array(script.utf8), input.writing, output.reading, messages.reading)
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    let remarks = String(decoding: said, as: UTF8.self).split(separator: "\n").map { $0.trimmingBlanks }.filter { !$0.isEmpty }
    if remarks.contains(where: { $0.contains("terminal type") }) {
      throw Failure(.unavailable, "this gnuplot cannot draw in that format", remedy: "draw svg, or install gnuplot-nox")
    }
    guard status == 0, !picture.isEmpty else {
      let how = status & 0x7F == 0 ? "status \(status >> 8 & 0xFF)" : "signal \(status & 0x7F)"
      throw Failure(.internal, "gnuplot failed (\(how))" + (remarks.last.map { ": \($0)" } ?? ""))
    }
    // On a terminal gnuplot begins a page; a filter does not.
    return (picture.first == 0x0C ? Array(picture.dropFirst()) : withoutClock(picture), remarks)
  }

  /// A PDF tells when it was made, so that the same table would give other bytes each time: the digits become those of 1970,
  /// which moves nothing. Where a PDF tells it otherwise it stays.
  private static func withoutClock(_ picture: [UInt8]) -> [UInt8] {
    let key = Array("/CreationDate (D:".utf8)
    let epoch = Array("19700101000000".utf8)
    guard picture.starts(with: Array("%PDF".utf8)), picture.count > key.count + epoch.count else { return picture }
    var picture = picture
    for place in stride(from: picture.count - key.count - epoch.count, through: 0, by: -1) where picture[place] == key[0] {
      guard picture[place..<(place + key.count)].elementsEqual(key) else { continue }
      picture.replaceSubrange((place + key.count)..<(place + key.count + epoch.count), with: epoch)
      break
    }
    return picture
  }

  private struct Pipe {
    let reading: Int32
    let writing: Int32

    init() throws {
      var ends: [Int32] = [0, 0]
      guard pipe(&ends) == 0 else { throw Failure(.inputOutput, "cannot make a pipe: \(String(cString: strerror(errno)))") }
      // Above the standard three, which may be closed here, and are set for gnuplot one after the other.
      let moved = ends.map { fcntl($0, F_DUPFD_CLOEXEC, 3) }
      ends.forEach { _ = close($0) }
      (reading, writing) = (moved[0], moved[1])
    }
  }

  private static func start(_ input: Pipe, _ output: Pipe, _ messages: Pipe) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (from, to) in [(input.reading, STDIN_FILENO), (output.writing, STDOUT_FILENO), (messages.writing, STDERR_FILENO)] {
      posix_spawn_file_actions_adddup2(&actions, from, to)
    }
    // -d: whatever start-up files say, the picture is the same.
    let arguments = (["gnuplot", "-d", "/dev/stdin"] as [String]).map { strdup($0) } + [nil]
    let variables = environmentWithoutPreferences().map { strdup($0) } + [nil]
    defer { (arguments + variables).forEach { free($0) } }
    var process: pid_t = 0
    let error = posix_spawnp(&process, "gnuplot", &actions, nil, arguments, variables)
    guard error == 0 else {
      if error == ENOENT || error == EACCES {
        throw Failure(.unavailable, "gnuplot is not installed, and it draws the pictures", remedy: "install it, on Debian with: apt install gnuplot-nox")
      }
      throw Failure(.unavailable, "cannot start gnuplot: \(String(cString: strerror(error)))")
    }
    return process
  }

  /// The environment, but for what would change the picture.
  private static func environmentWithoutPreferences() -> [String] {
    var variables: [String] = []
    var place = environ
    while let variable = place.pointee {
      let text = String(cString: variable)
      let name = text.prefix { $0 != "=" }
      if !name.hasPrefix("GNU"), !name.hasPrefix("LC_"), name != "LANG", name != "LANGUAGE" { variables.append(text) }
      place += 1
    }
    return variables + ["LC_ALL=C.UTF-8"]
  }

  /// Writes the script and reads both outputs as each side is ready, so that neither waits for the other for ever.
  private static func exchange(_ script: [UInt8], _ input: Int32, _ output: Int32, _ messages: Int32) -> (output: [UInt8], messages: [UInt8]) {
    // Where gnuplot ends early, its status tells more than a signal here.
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
        let count = script[written...].withUnsafeBytes { Glibc.write(input, $0.baseAddress, $0.count) }
        if count > 0 { written += count } else if errno != EAGAIN, errno != EINTR { written = script.count }
        if written == script.count { end(0) }
      }
      for k in 1...2 where waiting[k].fd >= 0 && waiting[k].revents != 0 {
        let count = Glibc.read(waiting[k].fd, &chunk, chunk.count)
        if count > 0 { read[k - 1] += chunk[..<count] } else if count == 0 || errno != EINTR { end(k) }
      }
    }
    return (read[0], read[1])
  }
}

extension Substring {
  fileprivate var trimmingBlanks: String { String(drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " }.reversed()) }
}
