using Heed.Engine.Autograd;

namespace Heed.Engine.Tests.Autograd;

/// <summary>All gradient checks. A new op registers its cases here (<c>docs/adding-an-op.md</c>).</summary>
internal static partial class OpCases
{
    public static IEnumerable<OpCase> All() => [.. Basic(), .. RowOps(), .. Blocks(), .. Products(), .. Recurrences(), .. Rotations(), .. Attentions()];
}

public class OpGradientTests
{
    public static TheoryData<string> Names => [.. OpCases.All().Select(c => c.ToString())];

    [Theory]
    [MemberData(nameof(Names))]
    public void Forward_and_gradient_agree_with_the_float64_definition(string name) => OpCases.All().Single(c => c.ToString() == name).Check();

    [Fact]
    public void Every_op_of_the_engine_has_a_gradient_check()
    {
        HashSet<string> covered = [.. OpCases.All().Select(c => c.Op)];
        // A leaf is where gradients end: it has no input.
        string[] missing = [.. typeof(Op).Assembly.GetTypes().Where(t => t.IsSubclassOf(typeof(Op)) && !t.IsAbstract && t != typeof(Leaf)).Select(t => t.Name).Where(n => !covered.Contains(n))];
        Assert.True(missing.Length == 0, $"No gradient check for: {string.Join(", ", missing)}.");
    }
}
