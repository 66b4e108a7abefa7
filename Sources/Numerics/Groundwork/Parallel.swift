import Glibc
import Synchronization

/// Calls `body` for 0 ..< count, each index once, on at most `threads` threads, and returns when all are done.
///
/// Indices are handed out in order. The result must not depend on which thread does which index; the error thrown is that
/// of the lowest failing index, so it does not depend on the number of threads either.
public func parallelFor(_ count: Int, threads: Int, _ body: @Sendable (Int) throws -> Void) throws {
  let workers = min(threads, count)
  if workers <= 1 {
    for i in 0..<count { try body(i) }
    return
  }
  try withoutActuallyEscaping(body) { body in
    let job = ParallelJob(count: count, body: body)
    let helpers = (1..<workers).compactMap { _ in Thread.start { job.drain() } }
    job.drain()
    for helper in helpers { helper.join() }
    if let failure = job.firstFailure { throw failure }
  }
}

/// `parallelFor` for bodies that cannot fail.
public func parallelFor(_ count: Int, threads: Int, _ body: @Sendable (Int) -> Void) {
  try! parallelFor(count, threads: threads) { (i: Int) throws in body(i) }
}

/// `body` of 0 ..< count, in that order, computed on at most `threads` threads.
public func parallelMap<T: Sendable>(_ count: Int, threads: Int, _ body: @Sendable (Int) throws -> T) throws -> [T] {
  var results = [T?](repeating: nil, count: count)
  try results.withDisjointSlots { slots in try parallelFor(count, threads: threads) { i in slots[i] = try body(i) } }
  return results.map { $0! }
}

private final class ParallelJob: Sendable {
  private let count: Int
  private let body: @Sendable (Int) throws -> Void
  private let nextIndex = Atomic<Int>(0)
  private let failure = Mutex<(index: Int, error: any Error)?>(nil)

  init(count: Int, body: @escaping @Sendable (Int) throws -> Void) {
    self.count = count
    self.body = body
  }

  func drain() {
    while true {
      let i = nextIndex.add(1, ordering: .relaxed).oldValue
      if i >= count { return }
      do { try body(i) } catch {
        failure.withLock { if $0 == nil || i < $0!.index { $0 = (i, error) } }
        // Every index below i was handed out before i and still runs, so the lowest failure is always seen.
        nextIndex.store(count, ordering: .relaxed)
      }
    }
  }

  var firstFailure: (any Error)? { failure.withLock { $0?.error } }
}

/// A joinable POSIX thread.
public struct Thread {
  private let handle: pthread_t

  /// Starts a thread, or returns nil where the system has none left: callers then do the work themselves.
  public static func start(_ body: @escaping @Sendable () -> Void) -> Thread? {
    let box = Unmanaged.passRetained(ThreadBody(body))
    var handle = pthread_t()
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setstacksize(&attributes, 8 << 20)
    let status = pthread_create(
      &handle, &attributes,
      { argument in
        Unmanaged<ThreadBody>.fromOpaque(argument!).takeRetainedValue().run()
        return nil
      }, box.toOpaque())
    guard status == 0 else {
      box.release()
      return nil
    }
    return Thread(handle: handle)
  }

  public func join() { pthread_join(handle, nil) }
}

private final class ThreadBody {
  let run: () -> Void
  init(_ run: @escaping () -> Void) { self.run = run }
}
