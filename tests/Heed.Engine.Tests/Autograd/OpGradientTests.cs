using Heed.Engine.Autograd;

namespace Heed.Engine.Tests.Autograd;

/// <summary>All gradient checks. A new op registers its cases here (<c>docs/adding-an-op.md</c>).</summary>
internal static partial class OpCases
{
    public static IEnumerable<OpCase> All() => [.. Basic(), .. RowOps(), .. Blocks(), .. Products(), .. Recurrences(), .. Rotations(), .. Attentions(), .. Sizes()];
}

public class OpGradientTests
{
    public static TheoryData<string> Names => [.. OpCases.All().Select(c => c.ToString())];

    [Theory]
    [MemberData(nameof(Names))]
    public void Forward_and_gradient_agree_with_the_float64_definition(string name) => OpCases.All().Single(c => c.ToString() == name).Check();

    /// <summary>Tails of the vector width, size 1 and size 0 for every op; views are part of every check, broadcasting of the ops that
    /// broadcast.</summary>
    [Fact]
    public void Every_op_is_checked_with_tails_with_size_1_and_with_size_0()
    {
        const int Lanes = 16;
        List<string> missing = [];
        foreach (IGrouping<string, OpCase> op in OpCases.All().GroupBy(c => c.Op))
        {
            Heed.Engine.Tensors.Shape[] shapes = [.. op.SelectMany(c => c.Inputs)];
            (string Class, bool Has)[] classes =
            [
                ("tail", shapes.Any(s => s.Count > Lanes && s.Count % Lanes != 0)),
                ("size 1", shapes.Any(s => s.Count == 1 || s.ToArray().Contains(1))),
                ("size 0", shapes.Any(s => s.Count == 0)),
            ];
            missing.AddRange(classes.Where(c => !c.Has).Select(c => $"{op.Key}: {c.Class}"));
        }

        Assert.True(missing.Count == 0, $"No gradient check for: {string.Join("; ", missing)}.");
    }

    [Fact]
    public void Every_op_of_the_engine_has_a_gradient_check()
    {
        HashSet<string> covered = [.. OpCases.All().Select(c => c.Op)];
        // A leaf is where gradients end: it has no input.
        string[] missing = [.. typeof(Op).Assembly.GetTypes().Where(t => t.IsSubclassOf(typeof(Op)) && !t.IsAbstract && t != typeof(Leaf)).Select(t => t.Name).Where(n => !covered.Contains(n))];
        Assert.True(missing.Length == 0, $"No gradient check for: {string.Join(", ", missing)}.");
    }
}
