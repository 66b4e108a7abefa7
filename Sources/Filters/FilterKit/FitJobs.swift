import Groundwork
import MethodKit
import Synchronization

/// What one of several fits is of, for messages.
public struct FitJob {
  /// Who speaks, where several learners do.
  let name: String?
  /// "without fold 3", or nothing where all labelled rows teach.
  let omission: String?

  public init(name: String? = nil, omission: String? = nil) {
    self.name = name
    self.omission = omission
  }

  var title: String { [name, omission].compactMap { $0 }.joined(separator: " ") }
}

extension FilterSession {
  /// Makes several fits on all threads and returns them in order.
  ///
  /// The first jobs start first, so give the largest first. Progress is one bar for all of them. What they say is said afterwards,
  /// in the order of the jobs: a warning once, however many learners and folds give it, and under `--verbose` each note, and each summary
  /// with the seconds that the fit took.
  public func runFits<Fitted: Sendable>(
    _ jobs: [FitJob], seed: UInt64, summary: (Fitted) -> [(key: String, value: String)],
    _ fit: @Sendable (_ job: Int, FitContext) throws -> Fitted
  ) throws -> [Fitted] {
    let count = jobs.count
    let list = diagnostics.list
    let talk = Mutex(FitTalk(progress: Progress("\(tool): fitting", quiet: options.quiet), jobs: count))
    let outer = min(threads, count)
    let inner = max(1, threads / max(1, outer))
    let fitted = try parallelMap(count, threads: outer) { job -> Fitted in
      let context = FitContext(
        threads: inner, seed: seed, list: list,
        warn: { text in talk.withLock { $0.warnings[job].append(text) } },
        note: { text in talk.withLock { $0.notes[job].append(text) } },
        progress: { fraction in talk.withLock { $0.update(job, fraction) } })
      let watch = Stopwatch()
      let result = try fit(job, context)
      let time = watch.text
      talk.withLock { $0.times[job] = time }
      context.progress(1)
      return result
    }
    let (warnings, notes, times) = talk.withLock { talk in
      talk.progress.clear()
      return (talk.warnings, talk.notes, talk.times)
    }
    diagnostics.warn(once: jobs.indices.flatMap { job in warnings[job].map { (jobs[job].name, $0) } })
    for job in jobs.indices {
      let title = jobs[job].title.isEmpty ? "all labelled rows" : jobs[job].title
      for text in notes[job] { diagnostics.note("\(title): \(text)") }
      let facts = summary(fitted[job]).map { "\($0.key) \($0.value)" } + ["fitted in \(times[job])"]
      diagnostics.note("\(title): " + facts.joined(separator: ", "))
    }
    return fitted
  }
}

/// What several fits say meanwhile.
private struct FitTalk {
  let progress: Progress
  var done: [Double]
  var warnings: [[String]]
  var notes: [[String]]
  var times: [String]

  init(progress: Progress, jobs: Int) {
    self.progress = progress
    done = [Double](repeating: 0, count: jobs)
    warnings = [[String]](repeating: [], count: jobs)
    notes = warnings
    times = [String](repeating: "", count: jobs)
  }

  mutating func update(_ job: Int, _ fraction: Double) {
    done[job] = fraction
    progress.update(done.reduce(0, +) / Double(done.count))
  }
}
