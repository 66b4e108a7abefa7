import Tables

/// Places of an axis of time that a calendar or a clock has names for.
enum TimeTics {
  private enum Step {
    case seconds(Int)
    case days(Int)
    case months(Int)
  }

  private static let seconds = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200].map(Step.seconds)
  private static let dates =
    [1, 2, 7, 14].map(Step.days) + [1, 2, 3, 6].map(Step.months) + [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000].map { Step.months(12 * $0) }

  /// The finest step whose labels fit; of dates without a time of day a day is the finest. Where labels lack a year or a date that all
  /// have in common, that is `common`.
  static func tics(_ range: ClosedRange<Double>, isDate: Bool, _ fits: ([Tics.Tic]) -> Bool) -> (tics: [Tics.Tic], common: String?) {
    var coarsest: ([Tics.Tic], String?) = ([], nil)
    for step in isDate ? dates : seconds + dates {
      // A month has at least 28 days.
      let least: Double =
        switch step {
        case .seconds(let count): Double(count)
        case .days(let count): 86400 * Double(count)
        case .months(let count): 28 * 86400 * Double(count)
        }
      if (range.upperBound - range.lowerBound) / least > 400 { continue }
      let tics = places(step, range)
      if tics.isEmpty { return coarsest }
      coarsest = (tics, common(step, tics))
      if fits(tics) { return coarsest }
    }
    return coarsest
  }

  private static func common(_ step: Step, _ tics: [Tics.Tic]) -> String? {
    guard case .seconds(let count) = step, let first = tics.first, let last = tics.last else { return nil }
    let (from, to) = (CivilDate(daysSince1970: Moment.split(first.place).day), CivilDate(daysSince1970: Moment.split(last.place).day))
    if count < 60 { return from == to ? text(from) : "\(text(from)) to \(text(to))" }
    return from.year == to.year ? four(from.year) : "\(four(from.year)) to \(four(to.year))"
  }

  private static func places(_ step: Step, _ range: ClosedRange<Double>) -> [Tics.Tic] {
    func every(_ unit: Double, after first: Double = 0) -> StrideThrough<Double> {
      stride(from: ((range.lowerBound - first) / unit).rounded(.up) * unit + first, through: range.upperBound, by: unit)
    }
    switch step {
    case .seconds(let count):
      return every(Double(count)).map { place in
        let (day, second) = Moment.split(place)
        let date = CivilDate(daysSince1970: day)
        let clock = "\(two(second / 3600)):\(two(second / 60 % 60))"
        return Tics.Tic(place: place, label: count < 60 ? "\(clock):\(two(second % 60))" : "\(two(date.month))-\(two(date.day)) \(clock)")
      }
    case .days(let count):
      // Weeks begin on Mondays; the first of 1970 was the fifth of January.
      return every(86400 * Double(count), after: count % 7 == 0 ? 4 * 86400 : 0).map { place in
        Tics.Tic(place: place, label: text(CivilDate(daysSince1970: Moment.split(place).day)))
      }
    case .months(let count):
      let from = CivilDate(daysSince1970: Moment.split(range.lowerBound).day)
      let to = CivilDate(daysSince1970: Moment.split(range.upperBound).day)
      let months = stride(from: (12 * from.year + from.month - 1) / count * count, through: 12 * to.year + to.month - 1, by: count)
      return months.map { month in
        let place = Double(CivilDate(month / 12, month % 12 + 1, 1)!.daysSince1970) * 86400
        return Tics.Tic(place: place, label: count % 12 == 0 ? four(month / 12) : "\(four(month / 12))-\(two(month % 12 + 1))")
      }.filter { range.contains($0.place) }
    }
  }

  private static func text(_ date: CivilDate) -> String { "\(four(date.year))-\(two(date.month))-\(two(date.day))" }
  private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
  private static func four(_ number: Int) -> String { String(repeating: "0", count: max(0, 4 - "\(number)".count)) + "\(number)" }
}
