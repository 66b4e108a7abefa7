import Groundwork
import Methods

extension FilterSession {
  /// Makes several fits on all threads and returns them in order.
  ///
  /// The first jobs start first, so give the largest first. Progress is one bar for all of them. What they say is said afterwards,
  /// in the order of the jobs: a warning once, however many fits give it, and under `--verbose` each note and each summary.
  public func runFits<Fitted>(
    _ labels: [String], seed: UInt64, summary: (Fitted) -> [(key: String, value: String)],
    _ fit: (_ job: Int, FitContext) throws -> Fitted
  ) throws -> [Fitted] {
    let progress = Progress("\(tool): fitting", quiet: options.quiet)
    let meter = Monitor()
    var done = [Double](repeating: 0, count: labels.count)
    var warnings = [[String]](repeating: [], count: labels.count)
    var notes = [[String]](repeating: [], count: labels.count)
    let outer = min(threads, labels.count)
    let fitted = try parallelMap(labels.count, threads: outer) { job -> Fitted in
      let context = FitContext(
        threads: max(1, threads / outer), seed: seed,
        warn: { text in meter.locked { warnings[job].append(text) } },
        note: { text in meter.locked { notes[job].append(text) } },
        progress: { fraction in
          meter.locked {
            done[job] = fraction
            progress.update(done.reduce(0, +) / Double(labels.count))
          }
        })
      let result = try fit(job, context)
      context.progress(1)
      return result
    }
    progress.clear()
    var said: Set<String> = []
    for job in labels.indices {
      for text in warnings[job] where said.insert(text).inserted { diagnostics.warn(text) }
      for text in notes[job] { diagnostics.note("\(labels[job]): \(text)") }
      diagnostics.note("\(labels[job]): " + summary(fitted[job]).map { "\($0.key) \($0.value)" }.joined(separator: ", "))
    }
    return fitted
  }
}
