import Glibc
import Groundwork
import Tables
import Synchronization

/// Messages on stderr, each one line that begins with the tool's name.
public struct Diagnostics: Sendable {
  private let tool: String
  private let isQuiet: Bool
  private let isVerbose: Bool

  public init(tool: String, quiet: Bool = false, verbose: Bool = false) {
    self.tool = tool
    isQuiet = quiet
    isVerbose = verbose
  }

  /// An error: always said. Control characters, as names in a table may hold them, are escaped: a message is one line.
  public func say(_ text: String) {
    var line = "\(tool): \(escapingControls(text))\n"
    line.withUTF8 { _ = Glibc.write(STDERR_FILENO, $0.baseAddress!, $0.count) }
  }

  /// Something worth knowing: said unless `--quiet`.
  public func warn(_ text: String) { if !isQuiet { say(text) } }

  /// How messages list many names: the first few, with `--verbose` all.
  public var list: Listing { Listing(all: isVerbose) }

  /// Says once what several speakers, such as learners and folds, have to say; with `--verbose` all of it.
  ///
  /// Messages with one gist are one: the first of them, before it the names of those that say it, where they have names.
  public func warn(once messages: [(name: String?, text: String)]) {
    var said: Set<String> = []
    if isVerbose {
      for (name, text) in messages {
        let line = name.map { "\($0): \(text)" } ?? text
        if said.insert(line).inserted { warn(line) }
      }
      return
    }
    for (_, text) in messages where said.insert(Listing.gist(of: text)).inserted {
      var names: [String] = []
      for case (let name?, let other) in messages where Listing.gist(of: other) == Listing.gist(of: text) && !names.contains(name) {
        names.append(name)
      }
      warn(names.isEmpty ? text : "\(list(names)): \(text)")
    }
  }

  /// What was chosen and learnt: said with `--verbose`.
  public func note(_ text: String) { if isVerbose { say(text) } }
}

/// A progress bar on stderr, where that is a terminal and the work lasts over a second. Any thread may update it.
public final class Progress: Sendable {
  private let label: String
  private let isShown: Bool
  private let watch = Stopwatch()
  private let drawn = Mutex((at: 0.0, isVisible: false))

  public init(_ label: String, quiet: Bool) {
    self.label = label
    isShown = !quiet && isatty(STDERR_FILENO) == 1
  }

  deinit { clear() }

  /// Draws at most ten times a second.
  public func update(_ fraction: Double) {
    guard isShown else { return }
    let elapsed = watch.seconds
    drawn.withLock { drawn in
      guard elapsed > 1, elapsed - drawn.at > 0.1 else { return }
      drawn = (elapsed, true)
      let done = min(max(fraction, 0), 1)
      let filled = Int(done * 30)
      let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 30 - filled)
      let left = done > 0.01 ? ", \(Progress.duration(elapsed / done - elapsed)) left" : ""
      draw("\r\(label) \(bar) \(Int(done * 100)) %, \(Progress.duration(elapsed))\(left)\u{1B}[K")
    }
  }

  /// Takes the bar away, so that what is said next stands on a line of its own.
  public func clear() {
    drawn.withLock { drawn in
      if drawn.isVisible { draw("\r\u{1B}[K") }
      drawn.isVisible = false
    }
  }

  private func draw(_ text: String) {
    var text = text
    text.withUTF8 { _ = Glibc.write(STDERR_FILENO, $0.baseAddress!, $0.count) }
  }

  private static func duration(_ seconds: Double) -> String {
    let whole = Int(min(seconds, 1e9).rounded(.up))
    return whole < 60 ? "\(whole) s" : whole < 3600 ? "\(whole / 60) min \(whole % 60) s" : "\(whole / 3600) h \(whole / 60 % 60) min"
  }
}
