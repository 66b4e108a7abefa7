import ArgumentParser
import Glibc

enum PictureFormat: String, ExpressibleByArgument, CaseIterable { case svg, png, pdf, terminal }

/// What is drawn on: its size, and the size of a character, in pixels or in characters.
struct Canvas {
  var width: Double
  var height: Double
  var character: (width: Double, height: Double)

  var columns: Int { Int(width / character.width) }
}

/// The terminal that stdout or stderr is, or else the 80 × 24 that terminals once were.
struct TerminalKind {
  var columns = 80
  var lines = 24
  var hasColours = false
  /// Whether it shows more than ASCII, as far as the locale tells.
  var isUnicode = true

  static func current() -> TerminalKind {
    var kind = TerminalKind()
    func variable(_ name: String) -> String? { getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 } }
    let locale = variable("LC_ALL") ?? variable("LC_CTYPE") ?? variable("LANG") ?? ""
    let compact = locale.lowercased().filter { $0 != "-" }
    kind.isUnicode = compact.contains("utf8")
    guard isatty(STDOUT_FILENO) == 1 else { return kind }
    var size = winsize()
    if ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col >= 40, size.ws_row >= 12 {
      kind.columns = min(Int(size.ws_col), 200)
      kind.lines = min(Int(size.ws_row), 60)
    }
    kind.hasColours = variable("NO_COLOR") == nil && variable("TERM") != "dumb"
    return kind
  }
}
