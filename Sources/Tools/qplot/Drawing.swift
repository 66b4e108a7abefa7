/// What a picture shows, before anything knows how it is drawn: panels, a legend made from the names of their layers, a caption.
struct Drawing {
  var panels: [Panel]
  var caption = Caption()
  /// Panels beside each other, where there is room.
  var columns = 1
  /// Width of a panel with its labels, and height of what its axes enclose, in pixels.
  var panelWidth = 760.0
  var plotHeight = 250.0
}

/// One pair of axes, and what stands between them; later layers cover earlier ones.
struct Panel {
  /// What tells the panel from others, the most telling first.
  var title: [String] = []
  var x: Axis
  var y: Axis
  /// Whether lines at the tics of the horizontal axis cross the panel, as those of the vertical one do.
  var isGridded = false
  var layers: [Layer]
}

struct Axis: Equatable {
  enum Kind: Equatable {
    case number
    /// Whole numbers, such as those of rows.
    case whole
    /// Seconds since 1970.
    case time
    /// Seconds since 1970 of dates without a time of day.
    case date
    /// Names, at 1, 2, …
    case names([String])
  }

  var label: String
  var range: ClosedRange<Double>
  var kind = Kind.number

  /// Names from bottom to top, or from left to right, each with as much room.
  static func names(_ names: [String], label: String = "") -> Axis {
    Axis(label: label, range: 0.5...(Double(names.count) + 0.5), kind: .names(names))
  }
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
    /// Bars whose ends mean something, from bottom to top or from left to right.
    case bars([Box], isHorizontal: Bool)
    /// Runs of points; between runs there is a gap.
    case line([[Point]])
    /// A line through points that are marked.
    case markedLine([Point])
    case points([Point])
    /// Short strokes from left to right.
    case strokes([(x: ClosedRange<Double>, y: Double)])
    /// Texts that begin behind a point.
    case texts([(at: Point, text: String)])
  }

  enum Edge { case none, white, thin }

  /// Which cells the marks of a layer take where a picture is drawn with characters, of which a cell holds only one.
  enum Cells {
    case all
    /// Those that are blank, or of a band.
    case free
    case none
  }

  var shape: Shape
  /// What the legend calls it; layers of one name and ink have one entry.
  var name: String?
  var ink: Ink
  var isDashed = false
  /// What parts an area or a bar from its neighbours.
  var edge = Edge.none
  var cells = Cells.all
  /// Width of lines and size of points, relative to the usual.
  var weight = 1.0
  /// Entries of the legend stand in the order of their ranks, and those of one rank as their layers do.
  var legendRank = 0
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
