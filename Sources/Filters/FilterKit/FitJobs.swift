import Groundwork
import MethodKit

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

  func speak(_ text: String) -> String { name.map { "\($0): \(text)" } ?? text }
}

extension FilterSession {
  /// Makes several fits on all threads and returns them in order.
  ///
  /// The first jobs start first, so give the largest first. Progress is one bar for all of them. What they say is said afterwards,
  /// in the order of the jobs: a warning once, however many fits give it, and under `--verbose` each note, and each summary
  /// with the seconds that the fit took.
  public func runFits<Fitted>(
    _ jobs: [FitJob], seed: UInt64, summary: (Fitted) -> [(key: String, value: String)],
    _ fit: (_ job: Int, FitContext) throws -> Fitted
  ) throws -> [Fitted] {
    let progress = Progress("\(tool): fitting", quiet: options.quiet)
    let meter = Monitor()
    var done = [Double](repeating: 0, count: jobs.count)
    var warnings = [[String]](repeating: [], count: jobs.count)
    var notes = [[String]](repeating: [], count: jobs.count)
    var times = [String](repeating: "", count: jobs.count)
    let outer = min(threads, jobs.count)
    let fitted = try parallelMap(jobs.count, threads: outer) { job -> Fitted in
      let context = FitContext(
        threads: max(1, threads / outer), seed: seed,
        warn: { text in meter.locked { warnings[job].append(text) } },
        note: { text in meter.locked { notes[job].append(text) } },
        progress: { fraction in
          meter.locked {
            done[job] = fraction
            progress.update(done.reduce(0, +) / Double(jobs.count))
          }
        })
      let watch = Stopwatch()
      let result = try fit(job, context)
      meter.locked { times[job] = watch.text }
      context.progress(1)
      return result
    }
    progress.clear()
    var said: Set<String> = []
    for job in jobs.indices {
      for text in warnings[job] where said.insert(jobs[job].speak(text)).inserted { diagnostics.warn(jobs[job].speak(text)) }
      let title = jobs[job].title.isEmpty ? "all labelled rows" : jobs[job].title
      for text in notes[job] { diagnostics.note("\(title): \(text)") }
      let facts = summary(fitted[job]).map { "\($0.key) \($0.value)" } + ["fitted in \(times[job])"]
      diagnostics.note("\(title): " + facts.joined(separator: ", "))
    }
    return fitted
  }
}
