using Heed.Engine.Nn;

namespace Heed.Models;

/// <summary>A model's parameters as a tree made from their names: equal branches (the layers) are drawn once.</summary>
public static class ParameterTree
{
    /// <summary>The lines of the tree, to a depth.</summary>
    /// <param name="model">The model.</param>
    /// <param name="depth">Levels that are opened; deeper ones are summed up.</param>
    public static IEnumerable<string> Lines(Model model, int depth)
    {
        ArgumentNullException.ThrowIfNull(model);
        Node root = new("");
        foreach (Parameter p in model.Parameters)
        {
            Node node = root;
            foreach (string word in p.Name.Split('.'))
            {
                node.Count += p.Shape.Count;
                node = node.Child(word);
            }

            node.Count += p.Shape.Count;
            node.Leaf = $"{p.Shape}";
        }

        return Draw(root, "", depth);
    }

    private static IEnumerable<string> Draw(Node node, string indent, int depth)
    {
        int i = 0;
        while (i < node.Children.Count)
        {
            Node child = node.Children[i];
            int same = 1;
            // Layers whose insides look alike become one line: 0 … 11.
            while (child.IsNumber && i + same < node.Children.Count && node.Children[i + same].IsNumber && node.Children[i + same].Signature() == child.Signature()) same++;
            string name = same == 1 ? child.Name : $"{child.Name} … {node.Children[i + same - 1].Name}";
            string size = child.Leaf ?? $"{child.Count:N0}{(same > 1 ? $" × {same}" : "")}";
            yield return $"{indent}{name,-24} {size}";
            if (child.Leaf is null && depth > 1)
                foreach (string line in Draw(child, indent + "  ", depth - 1)) yield return line;
            i += same;
        }
    }

    private sealed class Node(string name)
    {
        private readonly Dictionary<string, Node> _byName = new(StringComparer.Ordinal);
        private string? _signature;

        public string Name { get; } = name;

        public List<Node> Children { get; } = [];

        public long Count { get; set; }

        public string? Leaf { get; set; }

        public bool IsNumber { get; } = name.Length > 0 && name.All(char.IsAsciiDigit);

        public Node Child(string word)
        {
            if (_byName.TryGetValue(word, out Node? child)) return child;
            child = _byName[word] = new Node(word);
            Children.Add(child);
            return child;
        }

        /// <summary>What is inside, as text: made once, when the tree is whole.</summary>
        public string Signature() => _signature ??= Leaf ?? string.Join(';', Children.Select(c => $"{c.Name}={c.Signature()}"));
    }
}
