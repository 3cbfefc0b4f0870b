namespace Heed.Tokenizers.SentencePiece;

/// <summary>All pieces at all places of a text, and its best paths by A* from the end, whose estimate is the exact best score from the
/// start.</summary>
/// <remarks>The agenda is the heap of the C++ standard library, step for step: paths of equal score come out in the same order.</remarks>
internal sealed class UnigramLattice
{
    private const int MostWaiting = 10_000;
    private const int FewestWaiting = 512;
    private readonly List<Node>[] _endingAt;
    private readonly Node _begin = new(0, 0, -1, 0);
    private readonly Node _end;

    public UnigramLattice(ReadOnlySpan<byte> text, List<Node> nodes)
    {
        _end = new Node(text.Length, text.Length, -1, 0);
        _endingAt = new List<Node>[text.Length + 1];
        for (int i = 0; i <= text.Length; i++) _endingAt[i] = [];
        _endingAt[0].Add(_begin);
        foreach (Node node in nodes)
        {
            // Nodes come by start, so that all that end where this one starts have their best score already.
            FindPrevious(node);
            _endingAt[node.End].Add(node);
        }

        FindPrevious(_end);
    }

    /// <summary>One piece at one place.</summary>
    internal sealed class Node(int start, int end, int id, float score)
    {
        public int Start => start;

        public int End => end;

        public int Id => id;

        public float Score => score;

        /// <summary>Score of the best path up to and with this node.</summary>
        public float BestScore { get; set; }
    }

    private void FindPrevious(Node node)
    {
        bool found = false;
        foreach (Node left in _endingAt[node.Start])
        {
            float score = left.BestScore + node.Score;
            if (found && !(score > node.BestScore)) continue;
            (node.BestScore, found) = (score, true);
        }
    }

    /// <summary>A path from some node to the end of the text.</summary>
    private sealed record Hypothesis(Node Node, Hypothesis? Next, float Estimate, float ScoreToEnd);

    public List<(List<Segment> Segments, float Score)> Best(int count)
    {
        List<(List<Segment>, float)> paths = [];
        Heap agenda = new();
        agenda.Push(new Hypothesis(_end, null, _end.BestScore, 0));
        while (agenda.Count > 0)
        {
            Hypothesis top = agenda.Pop();
            if (top.Node == _begin)
            {
                List<Segment> segments = [];
                for (Hypothesis step = top.Next!; step.Next is not null; step = step.Next)
                    segments.Add(new Segment(step.Node.Start, step.Node.End - step.Node.Start, step.Node.Id));
                paths.Add((segments, top.Estimate));
                if (paths.Count == count) break;
                continue;
            }

            foreach (Node left in _endingAt[top.Node.Start])
                agenda.Push(new Hypothesis(left, top, left.BestScore + top.ScoreToEnd, left.Score + top.ScoreToEnd));
            if (agenda.Count < MostWaiting) continue;
            Heap kept = new();
            for (int i = Math.Min(FewestWaiting, count * 10); i > 0; i--) kept.Push(agenda.Pop());
            agenda = kept;
        }

        return paths;
    }

    /// <summary>std::priority_queue with the highest estimate on top.</summary>
    private sealed class Heap
    {
        private readonly List<Hypothesis> _items = [];

        public int Count => _items.Count;

        public void Push(Hypothesis item)
        {
            _items.Add(item);
            Raise(_items.Count - 1, item);
        }

        public Hypothesis Pop()
        {
            Hypothesis top = _items[0], last = _items[^1];
            _items.RemoveAt(_items.Count - 1);
            int length = _items.Count;
            if (length == 0) return top;
            int hole = 0, child = 0;
            while (child < (length - 1) / 2)
            {
                child = 2 * (child + 1);
                if (_items[child].Estimate < _items[child - 1].Estimate) child--;
                _items[hole] = _items[child];
                hole = child;
            }

            if (length % 2 == 0 && child == (length - 2) / 2)
            {
                child = (2 * child) + 1;
                _items[hole] = _items[child];
                hole = child;
            }

            Raise(hole, last);
            return top;
        }

        private void Raise(int hole, Hypothesis item)
        {
            for (int parent = (hole - 1) / 2; hole > 0 && _items[parent].Estimate < item.Estimate; parent = (hole - 1) / 2)
            {
                _items[hole] = _items[parent];
                hole = parent;
            }

            _items[hole] = item;
        }
    }
}
