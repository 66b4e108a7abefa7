import FilterKit
import Glibc

/// The terminal that stdout is, or else the 80 × 24 without colours that terminals once were.
struct TerminalKind {
  enum Colours { case none, of256, all }

  var columns = 80
  var lines = 24
  var colours = Colours.none
  /// Whether it shows more than ASCII, as far as the locale tells.
  var isUnicode = true

  /// `isFile` is true where the picture goes to a file of its own, whatever stdout is.
  static func current(isFile: Bool) -> TerminalKind {
    var kind = TerminalKind()
    func variable(_ name: String) -> String { environmentVariable(name) ?? "" }
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.map(variable).first { !$0.isEmpty } ?? ""
    kind.isUnicode = locale.lowercased().filter { $0 != "-" }.contains("utf8")
    guard !isFile, isatty(STDOUT_FILENO) == 1 else { return kind }
    var size = winsize()
    if ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 {
      kind.columns = min(max(Int(size.ws_col), 40), 200)
      kind.lines = min(max(Int(size.ws_row), 12), 60)
    }
    let name = variable("TERM")
    if variable("NO_COLOR").isEmpty, !name.isEmpty, name != "dumb", !name.hasPrefix("vt") {
      kind.colours = ["truecolor", "24bit"].contains(variable("COLORTERM")) ? .all : .of256
    }
    return kind
  }

  static let plainEscape = "\u{1B}[39m"

  /// What makes the terminal write in a colour #RRGGBB, or in that of its 256 that is nearest.
  func escape(_ colour: String) -> String {
    let value = Int(colour.dropFirst(), radix: 16) ?? 0
    let parts = [value >> 16, value >> 8 & 255, value & 255]
    if colours == .all { return "\u{1B}[38;2;\(parts[0]);\(parts[1]);\(parts[2])m" }
    func distance(_ other: [Int]) -> Int { zip(parts, other).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } }
    // A cube of six steps a part, then 24 greys.
    let steps = [0, 95, 135, 175, 215, 255]
    let cube = parts.map { part in steps.indices.min { abs(steps[$0] - part) < abs(steps[$1] - part) }! }
    let grey = min(max((parts.reduce(0, +) / 3 - 3) / 10, 0), 23)
    let isGrey = distance([Int](repeating: 8 + 10 * grey, count: 3)) < distance(cube.map { steps[$0] })
    return "\u{1B}[38;5;\(isGrey ? 232 + grey : 16 + 36 * cube[0] + 6 * cube[1] + cube[2])m"
  }
}
