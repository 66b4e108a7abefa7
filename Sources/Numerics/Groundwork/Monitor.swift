import Glibc

/// A mutual exclusion lock with one condition to wait for.
public final class Monitor: Sendable {
  // The system's own lock guards what these point at.
  nonisolated(unsafe) private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  nonisolated(unsafe) private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  public init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  public func locked<T>(_ body: () throws -> T) rethrows -> T {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return try body()
  }

  /// Inside `locked` only: sleeps until `isTrue` holds.
  public func wait(until isTrue: () -> Bool) { while !isTrue() { pthread_cond_wait(condition, mutex) } }

  /// Inside `locked` only: wakes all who wait.
  public func wakeAll() { pthread_cond_broadcast(condition) }
}
