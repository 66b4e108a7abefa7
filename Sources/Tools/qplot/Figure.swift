/// A drawing with a place for everything, for programs that only draw: x from the left and y from the top, in pixels or in characters.
struct Figure {
  enum Anchor { case left, centre, right }
  enum Tone { case strong, normal, faint }

  struct Text {
    var text: String
    /// Where it begins, has its middle or ends; y is the middle of its line.
    var at: Point
    var anchor = Anchor.left
    var size = TextMetrics.Size.normal
    var tone = Tone.normal
    /// Read from below.
    var isVertical = false
  }

  /// Axes along the left and lower edge of an area, with tics outside of it, and what they enclose.
  struct Frame {
    var area: Box
    var xTics: [Double]
    var yTics: [Double]
    /// Whether lines at the tics cross the area.
    var hasVerticalGrid = false
    var hasHorizontalGrid = false
    /// In the figure's coordinates.
    var layers: [Layer]
  }

  var width: Double
  var height: Double
  var frames: [Frame] = []
  /// Samples of the legend, in the figure's coordinates.
  var samples: [Layer] = []
  var texts: [Text] = []
}

extension Layer.Shape {
  /// The shape with other coordinates; where an axis is turned round, ranges stay ranges.
  func moved(_ x: (Double) -> Double, _ y: (Double) -> Double) -> Layer.Shape {
    func range(_ range: ClosedRange<Double>, _ move: (Double) -> Double) -> ClosedRange<Double> {
      let ends = (move(range.lowerBound), move(range.upperBound))
      return min(ends.0, ends.1)...max(ends.0, ends.1)
    }
    func point(_ point: Point) -> Point { Point(x: x(point.x), y: y(point.y)) }
    switch self {
    case .area(let runs): return .area(runs.map { $0.map { Span(x: x($0.x), low: y($0.low), high: y($0.high)) } })
    case .bars(let boxes, let isHorizontal): return .bars(boxes.map { Box(x: range($0.x, x), y: range($0.y, y)) }, isHorizontal: isHorizontal)
    case .line(let runs): return .line(runs.map { $0.map(point) })
    case .markedLine(let points): return .markedLine(points.map(point))
    case .points(let points): return .points(points.map(point))
    case .strokes(let strokes): return .strokes(strokes.map { (range($0.x, x), y($0.y)) })
    case .texts(let texts): return .texts(texts.map { (point($0.at), $0.text) })
    }
  }
}
