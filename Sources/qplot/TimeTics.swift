/// Places of an axis of time that a calendar or a clock has names for, as many as there is room for.
struct TimeTics {
  private(set) var tics: [(label: String, place: Double)] = []

  private enum Step {
    case seconds(Int)
    case days(Int)
    case months(Int)

    /// Characters of a label.
    var width: Int {
      switch self {
      case .seconds(let step): step < 60 ? 8 : 11
      case .days: 10
      case .months(let step): step < 12 ? 7 : 4
      }
    }
  }

  private static let steps: [Step] =
    [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200].map(Step.seconds) + [1, 2, 7, 14].map(Step.days)
    + [1, 2, 3, 6].map(Step.months) + [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000].map { Step.months(12 * $0) }

  /// The finest step whose labels, with two blanks between them, stand beside each other in `columns` characters. Empty where not even
  /// one whole second is in the range.
  init(_ range: ClosedRange<Double>, columns: Int) {
    for step in TimeTics.steps {
      let length = range.upperBound - range.lowerBound
      let room = max(2, columns / (step.width + 2))
      // A month has at least 28 days.
      let least: Double = switch step {
      case .seconds(let count): Double(count)
      case .days(let count): 86400 * Double(count)
      case .months(let count): 28 * 86400 * Double(count)
      }
      if length / least > Double(2 * room + 2) { continue }
      tics = TimeTics.places(step, range)
      if tics.count <= room { return }
    }
  }

  private static func places(_ step: Step, _ range: ClosedRange<Double>) -> [(label: String, place: Double)] {
    func every(_ unit: Double, after first: Double = 0) -> StrideThrough<Double> {
      stride(from: ((range.lowerBound - first) / unit).rounded(.up) * unit + first, through: range.upperBound, by: unit)
    }
    switch step {
    case .seconds(let count):
      return every(Double(count)).map { place in
        let (day, second) = Moment.split(place)
        let date = Moment.civil(day)
        let clock = "\(two(second / 3600)):\(two(second / 60 % 60))"
        return (count < 60 ? "\(clock):\(two(second % 60))" : "\(two(date.month))-\(two(date.day)) \(clock)", place)
      }
    case .days(let count):
      // Weeks begin on Mondays; the first of 1970 was the fifth of January.
      return every(86400 * Double(count), after: count % 7 == 0 ? 4 * 86400 : 0).map { place in
        let date = Moment.civil(Moment.split(place).day)
        return ("\(four(date.year))-\(two(date.month))-\(two(date.day))", place)
      }
    case .months(let count):
      let from = Moment.civil(Moment.split(range.lowerBound).day)
      let to = Moment.civil(Moment.split(range.upperBound).day)
      let months = stride(from: (12 * from.year + from.month - 1) / count * count, through: 12 * to.year + to.month - 1, by: count)
      return months.map { month in
        let place = Double(Moment.daysSince1970(month / 12, month % 12 + 1, 1)) * 86400
        return (count % 12 == 0 ? four(month / 12) : "\(four(month / 12))-\(two(month % 12 + 1))", place)
      }.filter { range.contains($0.1) }
    }
  }

  private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
  private static func four(_ number: Int) -> String { String(repeating: "0", count: max(0, 4 - "\(number)".count)) + "\(number)" }
}
