using Heed.Engine.Nn;

namespace Heed.Models;

/// <summary>A model's modules as a tree: equal neighbours (the layers) are drawn once.</summary>
internal static class ModuleTree
{
    /// <summary>The lines of the tree, to a depth: hook name, kind, number of values, and where the parameters lie in the
    /// checkpoint.</summary>
    /// <param name="model">The model.</param>
    /// <param name="depth">Levels that are opened; deeper ones are summed up.</param>
    public static IEnumerable<string> Lines(Model model, int depth)
    {
        ArgumentNullException.ThrowIfNull(model);
        return Draw(new Node(model, null), "", depth);
    }

    private static IEnumerable<string> Draw(Node node, string indent, int depth)
    {
        int i = 0;
        while (i < node.Children.Count)
        {
            Node child = node.Children[i];
            int same = 1;
            // Layers whose insides look alike become one line: 0 … 11.
            while (child.Number is not null && i + same < node.Children.Count && node.Children[i + same] is { Number: not null } next
                && next.Signature() == child.Signature())
                same++;
            Node last = node.Children[i + same - 1];
            string name = same == 1 ? child.Name : $"{child.Name} … {last.Number}", path = same == 1 ? child.Path : $"{child.Path} … {last.Number}";
            yield return $"{indent + name,-28} {child.Kind,-22} {child.Values,14:N0}{(same > 1 ? $" × {same}" : "")}  {path}{child.Shapes}".TrimEnd();
            if (depth > 1)
                foreach (string line in Draw(child, indent + "  ", depth - 1)) yield return line;
            i += same;
        }
    }

    private sealed class Node
    {
        private string? _signature;

        public Node(Module module, Node? parent)
        {
            Module = module;
            Kind = module.GetType().Name;
            string above = parent?.Module.Site ?? "", site = module.Site;
            Path = module.Path;
            Name = site.Length == 0 || site == above ? Path[(Path.LastIndexOf('.') + 1)..] : above.Length > 0 && site.StartsWith(above + ".", StringComparison.Ordinal) ? site[(above.Length + 1)..] : site;
            string end = Name[(Name.LastIndexOf('.') + 1)..];
            Number = end.Length > 0 && end.All(char.IsAsciiDigit) ? end : null;
            Children = [.. module.Children.Select(child => new Node(child, this))];
            Values = module.OwnParameters.Sum(p => (long)p.Shape.Count) + Children.Sum(c => c.Values);
            Shapes = module.OwnParameters.Count == 0 ? "" : ": " + string.Join(", ", module.OwnParameters.Select(p => $"{p.Name[(p.Name.StartsWith(Path + ".", StringComparison.Ordinal) ? Path.Length + 1 : 0)..]} {p.Shape}"));
        }

        public Module Module { get; }

        public string Name { get; }

        public string Kind { get; }

        public string Path { get; }

        /// <summary>The layer's number, the end of its name; null for parts that are not counted.</summary>
        public string? Number { get; }

        public long Values { get; }

        public string Shapes { get; }

        public IReadOnlyList<Node> Children { get; }

        /// <summary>What is inside, as text: made once.</summary>
        public string Signature()
            => _signature ??= $"{Kind}{Shapes}({string.Join(';', Children.Select(c => $"{c.Name}={c.Signature()}"))})";
    }
}
