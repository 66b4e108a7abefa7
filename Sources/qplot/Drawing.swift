/// What a picture shows, before anything knows how it is drawn: panels, a legend made from the names of their layers, a caption.
struct Drawing {
  var panels: [Panel]
  /// Sentences: how many rows are shown, and what was left out.
  var caption: [String]
  /// Panels beside each other, where there is room.
  var columns = 1
  /// Size of a panel in pixels.
  var panelSize: (width: Double, height: Double) = (760, 300)
  /// Lines of text of a panel on a terminal, where the default is not enough.
  var panelLines: Int?
}

/// One pair of axes, and what stands between them; later layers cover earlier ones.
struct Panel {
  var title = ""
  var x: Axis
  var y: Axis
  var layers: [Layer]
}

struct Axis {
  enum Kind {
    case number
    /// Whole numbers, such as those of rows.
    case whole
    /// Seconds since 1970.
    case time
    /// Names at places.
    case names([(name: String, place: Double)])
  }

  var label: String
  var range: ClosedRange<Double>
  var kind = Kind.number
}

struct Point {
  var x: Double
  var y: Double
}

/// From `low` to `high` at x.
struct Span {
  var x: Double
  var low: Double
  var high: Double
}

struct Box {
  var x: ClosedRange<Double>
  var y: ClosedRange<Double>
}

struct Layer {
  enum Shape {
    /// Runs of spans with increasing x; between runs there is a gap.
    case area([[Span]])
    case boxes([Box])
    /// Runs of points; between runs there is a gap.
    case line([[Point]])
    case points([Point])
    /// Texts that begin at a point.
    case texts([(at: Point, text: String)])
  }

  var shape: Shape
  /// What the legend calls it; layers of one name have one entry.
  var name: String?
  var ink: Ink
  var isDashed = false
}

/// How something looks: a colour, and on a terminal a character.
struct Ink {
  /// #RRGGBB
  var colour: String
  var mark: Character

  static let black = Ink(colour: "#000000", mark: "o")
  /// The colours of Okabe and Ito, which people with any colour vision tell apart, the best seen on white first.
  static let series: [Ink] = [
    Ink(colour: "#0072B2", mark: "#"), Ink(colour: "#E69F00", mark: "+"), Ink(colour: "#009E73", mark: "x"), Ink(colour: "#CC79A7", mark: "="),
    Ink(colour: "#56B4E9", mark: "%"), Ink(colour: "#D55E00", mark: "&"), Ink(colour: "#F0E442", mark: "-"), Ink(colour: "#666666", mark: "@"),
  ]
  static let reference = Ink(colour: "#888888", mark: ".")
  static let band = Ink(colour: "#DDDDDD", mark: "░")
  static let median = Ink(colour: "#003F63", mark: "*")

  /// Nested bands, the widest first: tints of one hue, the widest the lightest.
  static func nested(_ k: Int, of count: Int) -> Ink {
    let strength = count < 2 ? 0.35 : 0.2 + 0.5 * Double(k) / Double(count - 1)
    let parts = [0.0, 114, 178].map { Int((255 - strength * (255 - $0)).rounded()) }
    let hex = parts.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }.joined()
    let marks: [Character] = count == 1 ? ["▒"] : ["░", "▒", "▓", "█"]
    return Ink(colour: "#" + hex, mark: marks[min(k, marks.count - 1)])
  }
}

/// The least range that holds finite values, a little wider; nil where there are none, or none that a plot can span.
func range(of values: some Sequence<Double>, margin: Double = 0.04, with included: [Double] = []) -> ClosedRange<Double>? {
  var low = Double.infinity
  var high = -Double.infinity
  for value in values where value.isFinite { (low, high) = (min(low, value), max(high, value)) }
  for value in included { (low, high) = (min(low, value), max(high, value)) }
  guard low <= high, (high - low) * 2 < .greatestFiniteMagnitude else { return nil }
  let room = high > low ? margin * (high - low) : max(abs(low) * 0.1, 1e-300 < abs(low) ? 0 : 1)
  if low == high, included.contains(low) { return low...(low + 1) }
  return (included.contains(low) ? low : low - room)...(included.contains(high) ? high : high + room)
}

/// Splits a sequence into runs at the elements that are nil.
func runs<Element>(_ elements: [Element?]) -> [[Element]] {
  elements.split { $0 == nil }.map { $0.map { $0! } }
}
