/// Memory that several threads write at once, each its own elements.
///
/// What the compiler cannot see, the user promises: no thread reads or writes an element that another writes before both are joined, and no
/// copy outlives the memory. Each index of a `parallelFor` that keeps to its own elements keeps the promise. An element may be of a
/// type that is not sendable, since it goes from one thread to another only where the threads are joined.
@frozen public struct DisjointSlots<Element>: @unchecked Sendable {
  @usableFromInline let elements: UnsafeMutableBufferPointer<Element>

  @inlinable public init(_ elements: UnsafeMutableBufferPointer<Element>) { self.elements = elements }

  @inlinable public subscript(i: Int) -> Element {
    @inline(__always) get { elements[i] }
    @inline(__always) nonmutating _modify { yield &elements[i] }
  }

  /// Neighbouring elements, all of one thread.
  @inlinable public subscript(range: Range<Int>) -> UnsafeMutableBufferPointer<Element> {
    @inline(__always) get { UnsafeMutableBufferPointer(rebasing: elements[range]) }
  }
}

extension Array {
  /// Calls `body` with the elements as slots, which are valid until it returns.
  @inlinable public mutating func withDisjointSlots<R>(_ body: (DisjointSlots<Element>) throws -> R) rethrows -> R {
    try withUnsafeMutableBufferPointer { try body(DisjointSlots($0)) }
  }
}
