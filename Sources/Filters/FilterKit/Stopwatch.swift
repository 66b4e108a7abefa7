import Glibc

/// Tells how long something took, by a clock that is never set.
public struct Stopwatch: Sendable {
  private let start = Stopwatch.now()

  public init() {}

  public var seconds: Double { Stopwatch.now() - start }

  /// Seconds to the millisecond: "0.52 s".
  public var text: String { "\((seconds * 1e3).rounded() / 1e3) s" }

  private static func now() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
