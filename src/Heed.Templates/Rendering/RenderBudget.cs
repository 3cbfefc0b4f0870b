using System.Numerics;

namespace Heed.Templates;

/// <summary>What one parse or one rendering may cost. Templates come from downloaded files, so each size is checked before memory is
/// taken.</summary>
internal sealed class RenderBudget
{
    /// <summary>Steps of one rendering: nodes evaluated, items and blocks of characters touched.</summary>
    public const long MaximumSteps = 10_000_000;

    /// <summary>Characters of the output and of any string.</summary>
    public const int MaximumCharacters = 16 * 1024 * 1024;

    /// <summary>Items of one list.</summary>
    public const int MaximumItems = 1_000_000;

    /// <summary>Nested calls, and depth of a value that is printed, compared or written.</summary>
    public const int MaximumCallDepth = 100;

    /// <summary>Nesting of a template's syntax; chains count by length.</summary>
    public const int MaximumNesting = 200;

    /// <summary>Size of an integer.</summary>
    public const int MaximumIntegerBits = 65_536;

    /// <summary>Characters that cost one step when they are copied or searched: memory and time stay bounded by the steps.</summary>
    private const int CharactersPerStep = 4;

    /// <summary>What a call or a level of a nested value costs: it takes memory and time beside its parts.</summary>
    private const int EnterSteps = 8;

    /// <summary>Comparisons of characters in a search that cost one step: they go many at a time.</summary>
    private const int SearchPerStep = 1024;

    /// <summary>Steps of a small new list: the steps bound the memory of what a template keeps.</summary>
    public const int ListSteps = 10;

    /// <summary>Steps of a small new dict.</summary>
    public const int DictSteps = 25;

    /// <summary>Steps of an entry of a dict, or of a filter called for one item.</summary>
    public const int EntrySteps = 4;

    private long _steps;
    private int _depth;

    public void Step()
    {
        if (++_steps > MaximumSteps) ThrowSteps();
    }

    public void Items(long count)
    {
        _steps += count;
        if (_steps > MaximumSteps) ThrowSteps();
    }

    /// <summary>Pays for walking over or copying characters.</summary>
    public void Characters(long count) => Items((count / CharactersPerStep) + 1);

    /// <summary>Pays for looking for a part in a text: at worst the part is compared at every place.</summary>
    public void Search(int text, int part) => Items((((long)text + part) / CharactersPerStep) + 1 + ((long)text * part / SearchPerStep));

    /// <summary>Checks the growth of a list of parts while it is cut from a text.</summary>
    public static void Parts(int count)
    {
        if (count > MaximumItems) throw Over($"a list of more than {MaximumItems} parts of a text", $"{MaximumItems} items");
    }

    /// <summary>Checks and pays for a string about to be built.</summary>
    public void NewText(BigInteger characters)
    {
        if (characters > MaximumCharacters) throw Over($"a text of {Short(characters)} characters", $"{MaximumCharacters} characters");
        Characters((long)characters);
    }

    /// <summary>Checks and pays for a list about to be built.</summary>
    public void NewList(BigInteger items)
    {
        if (items > MaximumItems) throw Over($"a list of {Short(items)} items", $"{MaximumItems} items");
        Items((long)items);
    }

    /// <summary>Checks an integer about to be built and pays for the product of its factors' lengths.</summary>
    public void NewInteger(double bits)
    {
        if (!(bits <= MaximumIntegerBits)) throw Over($"an integer of about {bits:0} bits", $"{MaximumIntegerBits} bits");
        double words = bits / 64;
        Items((long)(words * words / 16) + 1);
    }

    /// <summary>Enters a call or one level of a nested value; pair with <see cref="Leave"/>.</summary>
    public void Enter()
    {
        if (_depth >= MaximumCallDepth) throw Over("calls or values nested more deeply", $"a depth of {MaximumCallDepth}");
        _depth++;
        Items(EnterSteps);
    }

    public void Leave() => _depth--;

    public static BudgetException Over(string wanted, string allowed) =>
        new($"The chat template wants {wanted}, but {allowed} is the limit; simplify the template or shorten the conversation.");

    private static string Short(BigInteger value) => value < long.MaxValue ? value.ToString(System.Globalization.CultureInfo.InvariantCulture) : "more than 2^63";

    private static void ThrowSteps() => throw Over($"more than {MaximumSteps} steps", $"{MaximumSteps} steps");
}
